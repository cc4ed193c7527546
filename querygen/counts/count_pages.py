"""Count a dump: units of its files in, runs of counts with redirects, statistics and rejections out, on disk.

A unit is counted by one process and committed as `schemas.units` says; a later run counts only the others. So any
number of processes, killed at any moment, leaves the same counts.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from querygen.counts.ngrams import DEFAULT_MAX_PAIRS, process_counter
from querygen.counts.runs import RunName, write_run
from querygen.known_folder import check_counted, counted_unit
from querygen.text.segment import Segmenter, segment
from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import Page, plain_title
from querygen.wiki.redirects import REDIRECTS, redirect_table, write_redirects
from querygen.wiki.revision import PROSE
from querygen.wiki.units import DumpUnit, open_pages
from querygen.workers.numbered_units import do_units, unit_name
from schemas.rejection import REJECTIONS, Rejection, from_table, rejections
from schemas.storage import FileRecord, Folder
from schemas.tables import read_arrow_file, read_table, write_table
from schemas.units import Unit, commit_unit

STATISTICS = (
    "pages", "articles", "redirects", "other_namespaces", "other_models", "absent_texts", "xml_bytes", "text_bytes",
    "long_words",
)  # fmt: skip
"""Pages are articles, redirects, those of other namespaces, those that are no prose (of other content models), those
whose text the dump lacks, and rejected ones."""
MAX_MODELS = 50
"""Content models whose pages are counted by name; those of more are `OTHER_MODELS`."""
OTHER_MODELS = "others"


@dataclass(kw_only=True)
class DumpCounts:
    """What all units hold; the counts themselves are in the runs."""

    runs: list[RunName] = field(default_factory=list)
    redirects: pa.Table = field(default_factory=REDIRECTS.empty_table)
    statistics: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATISTICS, 0))
    models: Counter[str] = field(default_factory=Counter)
    """Pages left out by their content model, such as ``json``."""
    rejections: list[Rejection] = field(default_factory=list)
    files: list[FileRecord] = field(default_factory=list)


def prepare() -> None:
    """Make the counter of this process, and import what counting needs, ahead of the first unit."""
    process_counter(DEFAULT_MAX_PAIRS)


def count_pages(
    pages: Iterator[Page],
    extractor: TextExtractor,
    source: str,
    segmenter: Segmenter,
    max_pairs: int,
    folder: Folder,
    name: str,
) -> DumpCounts:
    """Count pages into runs ``{name}-00``, ``{name}-01``, ... of `folder`. A broken page is a rejection."""
    counter = process_counter(max_pairs)
    counts = DumpCounts()
    tally, rejected = counts.statistics, counts.rejections
    redirects: list[tuple[str, str]] = []

    def flush() -> None:
        run = f"{name}-{len(counts.runs):02d}"
        counts.runs.append((folder.url, run))
        counts.files.extend(write_run(folder, run, counter.finish()))

    for page in pages:
        tally["pages"] += 1
        if page.namespace != 0:
            tally["other_namespaces"] += 1
            continue
        if page.redirect is not None:
            tally["redirects"] += 1
            redirects.append((plain_title(page.title), plain_title(page.redirect.partition("#")[0])))
            continue
        if page.model not in PROSE:
            tally["other_models"] += 1
            known = page.model in counts.models or len(counts.models) < MAX_MODELS
            counts.models[page.model if known else OTHER_MODELS] += 1
            continue
        if page.is_absent:
            tally["absent_texts"] += 1
            continue
        unclosed = False
        try:
            if page.is_plain:
                page.text.decode()
                text = np.frombuffer(page.text, np.uint8)
            else:
                text, unclosed = extractor.extract_utf8(page.text)
        except UnicodeDecodeError:
            rejected.append(Rejection("page_malformed", source, page.position, page.title))
            continue
        if unclosed:
            rejected.append(Rejection("page_markup_unclosed", source, page.position, page.title))
        if segmenter.finds_words:
            text = np.frombuffer(segment(text.tobytes().decode()).encode(), np.uint8)
        tally["articles"] += 1
        tally["text_bytes"] += len(text)
        counter.add(text)
        if counter.is_full:
            flush()
    flush()
    tally["long_words"] = counter.num_long_words
    counter.num_long_words = 0
    counts.redirects = redirect_table(redirects)
    return counts


def count_unit(
    folder_url: str, number: int, unit: DumpUnit, segmenter: Segmenter, max_pairs: int,
    progress: Callable[[int], Any] = lambda num_bytes: None,
) -> None:  # fmt: skip
    """Count one unit into `folder_url`."""
    folder = Folder(folder_url)
    name = unit_name(number)
    reader = open_pages(unit, progress)
    extractor = TextExtractor(unit.header.site)
    counts = count_pages(iter(reader), extractor, unit.name, segmenter, max_pairs, folder, name)
    counts.statistics["xml_bytes"] = reader.num_bytes
    counts.files.append(write_redirects(folder, f"{name}.redirects.arrow", counts.redirects))
    rejection_rows = rejections("querygen", [*reader.rejections, *counts.rejections])
    counts.files.append(write_table(folder, f"{name}.rejections.parquet", rejection_rows, REJECTIONS))
    body = {
        "unit": {"file": unit.name, "start": unit.start, "end": unit.end},
        "runs": [run for _, run in counts.runs],
        "statistics": counts.statistics,
        "models": dict(counts.models),
    }
    commit_unit(folder, f"{name}.json", counts.files, body)


def count_units(
    folder: Folder, units: list[DumpUnit], segmenter: Segmenter, max_pairs: int, pool: Executor | None,
    progress: Callable[[int], Any],
) -> DumpCounts:  # fmt: skip
    """Count all units that are not whole in `folder`, and return what all hold, in the order of `units`.

    Raises ValueError over a file of a finished unit that is not as it was written.
    """

    def check(unit: Unit) -> None:  # of a run that was ended
        check_counted(unit)
        for record in unit.files:
            folder.check_file(record)

    arguments = [(unit, segmenter, max_pairs) for unit in units]
    do_units(folder, count_unit, arguments, [unit.num_bytes for unit in units], pool, progress, check)
    return read_counts(folder, len(units))


def read_counts(folder: Folder, num_units: int) -> DumpCounts:
    """Return what the committed units of `folder` hold."""
    counts = DumpCounts()
    redirects = []
    for number in range(num_units):
        name = unit_name(number)
        unit = counted_unit(folder, number)
        counts.runs += [(folder.url, run) for run in unit.body["runs"]]
        for key in STATISTICS:
            counts.statistics[key] += unit.body["statistics"].get(key, 0)  # folders of schema 1.3 lack two
        counts.models.update(unit.body.get("models", {}))
        counts.files += unit.files
        of_name = {record.name: record for record in unit.files}
        try:
            redirects.append(read_arrow_file(folder, of_name[f"{name}.redirects.arrow"], REDIRECTS))
            rejected = of_name[f"{name}.rejections.parquet"]
        except KeyError as error:
            raise ValueError(f"{unit.body.where}: expected a file {error} in 'files'; count again") from None
        counts.rejections += from_table(read_table(folder, rejected.name, REJECTIONS, record=rejected))
    counts.redirects = pa.concat_tables([REDIRECTS.empty_table(), *redirects])
    return counts


def left_out_pages(dump: dict[str, Any]) -> list[str]:
    """Return what pages of the article namespace were not read, in words; `dump` is statistics with ``models``."""
    said = []
    if dump.get("other_models"):
        named = ", ".join(f"{name} {number:,}" for name, number in sorted(dump.get("models", {}).items()))
        said.append(f"{dump['other_models']:,} whose content is no prose ({named})")
    if dump.get("absent_texts"):
        said.append(f"{dump['absent_texts']:,} whose text the dump lacks (deleted, or a dump of stubs)")
    return said
