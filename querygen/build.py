"""``querygen build``: dump, page views and WordNet in, a queries folder out."""

import hashlib
import os
from typing import Any

import fsspec
import pyarrow as pa
from tqdm import tqdm

from querygen.config import BuildConfig
from querygen.count_dump import DumpCounts, count_files
from querygen.dump import Rejection
from querygen.ngrams import fold_bigrams, fold_words
from querygen.pmi import pmi, rank_bigrams
from querygen.queries_folder import write_queries_folder
from querygen.query_list import QueryList, Ranked, build_query_list
from querygen.summary import print_summary
from querygen.synsets import SynsetHead, read_synsets, synset_heads
from querygen.titles import PageViews, count_titles
from querygen.wordnet_data import digest, find_wordnet
from schemas.manifest import read_manifest
from schemas.run_record import RunRecord, config_parts, start_run
from schemas.storage import Folder, expand_glob

ALGORITHM_VERSION = "1"
"""Raise it whenever the same input would give another list."""


def build(config: BuildConfig) -> None:
    """Make the queries folder, or say that this very run made it already.

    Raises FileNotFoundError for absent input, ValueError for a dump without articles, FolderConflict.
    """
    dumps, pageviews = expand_glob(config.dump), expand_glob(config.pageviews)
    folder = Folder(config.output)
    root = find_wordnet(config.wordnet_dir)
    inputs = [*_digests(dumps + pageviews, "hashing inputs"), digest(root)]
    record = RunRecord(
        command="querygen build",
        config=config_parts(config, ("output", "dump", "pageviews", "wordnet_dir", "num_processes")),
        inputs=inputs,
        algorithm=ALGORITHM_VERSION,
        paths={"dump": dumps, "pageviews": pageviews},
    )
    if not start_run(folder, record):
        manifest = read_manifest(folder, "queries")
        print(f"{folder.url}: finished already, {manifest['rows']:,} queries; nothing to do")
        return
    folder.delete_temporaries()
    counts = _count_dumps(dumps, config)
    views = _count_views(pageviews, config)
    rejections: list[Rejection] = counts.rejections + views.rejections

    words = fold_words(counts.words)
    num_words = sum(words["count"].to_pylist())
    floor = min(config.count_floor, config.min_word_count, config.min_bigram_count)
    bigrams = fold_bigrams(counts.bigrams, words, floor)
    titles, view_tally, wordless = count_titles(views.views, counts.redirects, counts.site, floor=1)
    rejections += [("title_without_word", "pageviews", -1, title) for title in wordless]
    synsets, wordnet_version = read_synsets(root)
    heads, head_rejections = synset_heads(synsets)
    rejections += head_rejections

    chosen = _choose(config, words, bigrams, titles, heads, num_words)
    if counts.site.language not in (None, config.language):
        chosen.notes.append(f"the dump says its language is {counts.site.language!r}, --language {config.language!r}")
    summary = {
        "size": config.size,
        "min_word_count": config.min_word_count,
        "min_bigram_count": config.min_bigram_count,
        "floors": {"words": floor, "bigrams": floor, "titles": 1},
        "dump": {**counts.statistics, "words": num_words, "distinct_words": len(words)},
        "page_views": {"lines": views.num_lines, "distinct_titles": len(views.views), **view_tally},
        "wordnet": {"version": wordnet_version, "synsets": len(synsets), "heads": len(heads)},
    }
    manifest = write_queries_folder(
        folder, config.language, chosen, {"words": words, "bigrams": bigrams, "titles": titles},
        heads, rejections, record.identity, summary,
    )  # fmt: skip
    print_summary(manifest["summary"], folder.url)


def _count_dumps(paths: list[str], config: BuildConfig) -> DumpCounts:
    names = [os.path.basename(path) for path in paths]
    with _progress(paths, "counting dump") as bar:
        counts = count_files(paths, names, config.num_processes, bar.update)
    if counts.statistics["articles"] == 0:
        reasons = sorted({f"{reason} in {name}" for reason, name, _, _ in counts.rejections})
        raise ValueError(
            f"no article in {config.dump!r} ({counts.statistics['pages']} pages"
            f"{'; ' + ', '.join(reasons[:3]) if reasons else ''}); expected a MediaWiki XML dump such as "
            f"enwiki-YYYYMMDD-pages-articles-multistream.xml.bz2"
        )
    return counts


def _count_views(paths: list[str], config: BuildConfig) -> PageViews:
    views = PageViews(config.language)
    with _progress(paths, "counting page views") as bar:
        for path in paths:
            views.add_file(path, os.path.basename(path), bar.update)
    if not views.num_lines:
        raise ValueError(
            f"no page-view line of language {config.language!r} in {', '.join(paths[:3])}; expected lines "
            f"'{config.language} Title count bytes' as in Wikimedia's pageviews-YYYYMMDD-HH0000.gz"
        )
    return views


def _choose(
    config: BuildConfig, words: pa.Table, bigrams: pa.Table, titles: pa.Table, heads: list[SynsetHead], num_words: int
) -> QueryList:
    word_list = [Ranked(**row) for row in words.to_pylist() if row["count"] >= config.min_word_count]
    ranked = rank_bigrams(bigrams, {word.text for word in word_list}, config.min_bigram_count, num_words)
    return build_query_list(
        word_list,
        (
            Ranked(
                text=row["text"],
                surface=row["surface"],
                count=row["count"],
                pmi=pmi(row["count"], row["first_count"], row["second_count"], num_words),
            )
            for row in ranked.to_pylist()
        ),
        (Ranked(**row) for row in titles.to_pylist()),
        (Ranked(text=head.text, surface=head.surface, tag_count=head.tag_count) for head in heads),
        config.size,
    )


def _progress(paths: list[str], description: str) -> Any:
    total = sum(os.path.getsize(path) for path in paths if os.path.exists(path))
    return tqdm(total=total, unit="B", unit_scale=True, desc=description, disable=None)


def _digests(paths: list[str], description: str) -> list[dict[str, Any]]:
    found = []
    with _progress(paths, description) as bar:
        for path in paths:
            whole, size = hashlib.sha256(), 0
            with fsspec.open(path, "rb") as source:
                while block := source.read(1 << 20):
                    whole.update(block)
                    size += len(block)
                    bar.update(len(block))
            found.append({"name": os.path.basename(path), "bytes": size, "sha256": whole.hexdigest()})
    return found
