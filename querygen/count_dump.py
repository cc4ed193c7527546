"""Count a dump: dump files in, counts of words and bigrams, redirects and statistics out.

Files are counted in parallel, one process each; the result does not depend on their number.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import pyarrow as pa

from querygen.dump import DumpFile, Rejection, SiteInfo, plain_title
from querygen.ngrams import SURFACE_COUNTS, NgramCounter, merge_counts
from querygen.wikitext import TextExtractor

STATISTICS = ("pages", "articles", "redirects", "other_namespaces", "xml_bytes", "text_characters", "files")


@dataclass(kw_only=True)
class DumpCounts:
    """What one or more dump files hold."""

    words: pa.Table = field(default_factory=SURFACE_COUNTS.empty_table)
    bigrams: pa.Table = field(default_factory=SURFACE_COUNTS.empty_table)
    redirects: dict[str, str] = field(default_factory=dict)
    site: SiteInfo = field(default_factory=SiteInfo)
    statistics: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATISTICS, 0))
    rejections: list[Rejection] = field(default_factory=list)


def count_file(path: str, name: str, progress: Callable[[int], Any] = lambda num_bytes: None) -> DumpCounts:
    """Count one dump file. A broken page or file is a rejection, never an exception."""
    dump = DumpFile(path, name, progress)
    counter = NgramCounter()
    counts = DumpCounts()
    tally = counts.statistics
    extractor: TextExtractor | None = None
    for page in dump:
        tally["pages"] += 1
        if page.namespace != 0:
            tally["other_namespaces"] += 1
            continue
        if page.redirect is not None:
            tally["redirects"] += 1
            counts.redirects[plain_title(page.title)] = plain_title(page.redirect.partition("#")[0])
            continue
        extractor = extractor or TextExtractor(dump.site)
        try:
            text, unclosed = extractor.extract(page.text)
        except UnicodeDecodeError:
            counts.rejections.append(("page_malformed", name, page.position, page.title))
            continue
        if unclosed:
            counts.rejections.append(("page_markup_unclosed", name, page.position, page.title))
        tally["articles"] += 1
        tally["text_characters"] += len(text)
        counter.add(text)
    counts.words, counts.bigrams = counter.finish()
    tally["xml_bytes"], tally["files"] = dump.num_bytes, 1
    counts.site = dump.site
    counts.rejections += dump.rejections
    return counts


def count_files(paths: list[str], names: list[str], num_processes: int, progress: Callable[[int], Any]) -> DumpCounts:
    """Count all dump files; of several headers the first file's is taken."""
    workers = min(num_processes or os.cpu_count() or 1, len(paths))
    total = DumpCounts()
    if workers == 1:
        for path, name in zip(paths, names, strict=True):
            total = _merge(total, count_file(path, name, progress))
        return total
    # spawn: a fork of a process with Arrow's threads may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for path, counts in zip(paths, pool.map(count_file, paths, names), strict=True):
            total = _merge(total, counts)
            progress(os.path.getsize(path) if os.path.exists(path) else 0)
    return total


def _merge(left: DumpCounts, right: DumpCounts) -> DumpCounts:
    first = left.statistics["files"] == 0
    return DumpCounts(
        words=merge_counts([left.words, right.words]),
        bigrams=merge_counts([left.bigrams, right.bigrams]),
        redirects={**right.redirects, **left.redirects},
        site=right.site if first else left.site,
        statistics={key: left.statistics[key] + right.statistics[key] for key in STATISTICS},
        rejections=left.rejections + right.rejections,
    )
