"""``querygen build``: text of a Wikipedia, page views and WordNet in, a queries folder out.

    counted (a dump, counts folders, or a live category)  ->  words, bigrams
    page views, or lengths of a category's articles       ->  titles            ->  the list
    WordNet                                               ->  heads of synsets

What takes long is committed in ``work/`` of the folder as it gets done, so that the same command goes on after a kill.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from querygen.config import BuildConfig
from querygen.counts.count_category import count_category, open_category, rank_titles
from querygen.counts.count_pages import DumpCounts, prepare
from querygen.counts.counting import count, merge, plan
from querygen.counts.counts_folder import (
    DAMAGED,
    check_articles,
    check_counts_folders,
    describe_counts,
    is_whole,
    open_counts,
)
from querygen.counts.merge_runs import MergedCounts
from querygen.query_list.pmi import pmi, rank_bigrams
from querygen.query_list.queries_folder import write_queries_folder
from querygen.query_list.query_list import QueryList, Ranked, Source, build_query_list, scale_budgets
from querygen.summary import print_summary
from querygen.synsets.synsets import SynsetHead, read_synsets, synset_heads, wordnet_counts
from querygen.synsets.wordnet_data import digest, find_wordnet
from querygen.text.segment import WIKI_LANGUAGES, Segmenter, find_segmenter, join_words, language_note
from querygen.titles.count_views import count_views
from querygen.titles.titles import count_titles
from querygen.wiki.dump import SiteInfo
from querygen.wiki.live.pages import CategoryPages
from querygen.workers.hashing import digests
from querygen.workers.pool import processes
from querygen.workers.progress import bar
from schemas.arrow_types import values_of
from schemas.input_files import expand_glob
from schemas.json_shape import check_json
from schemas.manifest import read_manifest
from schemas.printable import one_line
from schemas.public_url import base_name
from schemas.query import TITLE_COUNTS
from schemas.rejection import Rejection
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder

ALGORITHM_VERSION = "3"
"""Raise it whenever the same input would give another list."""
WORK = "work"
BATCH_ROWS = 65_536
MAX_TITLES = 5_000_000
"""Titles ranked at most, the most viewed: 250 bytes of memory each. A list takes 61,235."""


@dataclass(kw_only=True)
class _Inputs:
    """The resolved inputs of a run."""

    dumps: list[str] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    pages: CategoryPages | None = None
    views: list[str] = field(default_factory=list)
    wordnet: Any = None
    described: list[dict[str, Any]] = field(default_factory=list)
    """Names, sizes and hashes: what identifies the run."""


def build(config: BuildConfig) -> bool:
    """Make the queries folder, or say that this very run made it already; tell whether all input could be read.

    Raises FileNotFoundError for absent input, ValueError for a dump without articles, FolderConflict.
    """
    segmenter = find_segmenter(config.language)
    folder = Folder(config.output)
    inputs = _resolve(config, segmenter)
    record = RunRecord(
        command="querygen build",
        config=identity_options(config) | {"segmenter": segmenter.version},
        inputs=inputs.described,
        algorithm=ALGORITHM_VERSION,
        paths={"dump": inputs.dumps, "pageviews": inputs.views, "counts": inputs.counts},
    )
    if not start_run(folder, record):
        manifest = read_manifest(folder, "queries")
        check_json(manifest, {"rows": int, "summary": {"rejections": {str: int}}}, folder.url, "a finished folder")
        whole = is_whole(manifest["summary"]["rejections"])
        said = f"finished already, {manifest['rows']:,} queries; nothing to do{'' if whole else DAMAGED}"
        print(f"{one_line(folder.url)}: {said}")
        return whole
    with processes(config.num_processes, config.memory_gb, prepare) as pool:
        summary = _make(config, inputs, segmenter, folder, record, pool)
    folder.delete(WORK)
    folder.delete_temporaries()
    print_summary(summary, folder.url)
    return is_whole(summary["rejections"])


def _resolve(config: BuildConfig, segmenter: Segmenter) -> _Inputs:
    inputs = _Inputs(wordnet=find_wordnet(config.wordnet_dir))
    if config.dump is not None:
        inputs.dumps = expand_glob(config.dump)
    if config.pageviews is not None:
        inputs.views = expand_glob(config.pageviews)
    files = inputs.dumps + inputs.views
    inputs.described = digests(files) if files else []
    if config.counts is not None:
        inputs.counts = [path.strip() for path in config.counts.split(",")]
        check_counts_folders([Folder(path) for path in inputs.counts], segmenter)  # before there is an output
        inputs.described += describe_counts(inputs.counts)
    if config.wiki_category is not None:
        with tqdm(desc="asking the wiki", unit="page", disable=None) as progress:
            inputs.pages, described = open_category(config, progress.update)
        inputs.described.append(described)
    inputs.described.append(digest(inputs.wordnet))
    return inputs


def _make(
    config: BuildConfig, inputs: _Inputs, segmenter: Segmenter, folder: Folder, record: RunRecord, pool: Executor | None
) -> dict[str, Any]:
    counts, site, notes = _count(config, inputs, segmenter, folder, pool)
    min_word_count, min_bigram_count = config.threshold("min_word_count"), config.threshold("min_bigram_count")
    word_floor, bigram_floor = min(config.count_floor, min_word_count), min(config.count_floor, min_bigram_count)
    merged = merge(counts.runs, min_word_count, word_floor, bigram_floor, pool)
    titles, view_summary, view_rejections = _titles(config, inputs, counts, site, folder, pool)
    lemmas, wordnet_version = read_synsets(inputs.wordnet, config.all_lemmas)
    heads, head_rejections = synset_heads(lemmas)
    chosen, dropped = _choose(config, segmenter, merged, titles, heads, inputs.pages is None or bool(inputs.views))
    dropped["title"] |= {
        reason: found["titles"]
        for reason, found in view_summary.get("titles", {}).items()
        if reason not in ("viewed", "redirected", "kept")
    }
    chosen.notes.extend(notes)
    if site.language not in (None, config.language, WIKI_LANGUAGES.get(config.language)):
        chosen.notes.append(f"the wiki says its language is {site.language!r}, --language {config.language!r}")
    summary = {
        "size": sum(chosen.budgets.values()),
        "preset": config.preset,
        "min_word_count": min_word_count,
        "min_bigram_count": min_bigram_count,
        "min_views": config.threshold("min_views"),
        "max_stop_word_share": config.max_stop_word_share,
        "num_stop_words": config.num_stop_words,
        "floors": {"words": word_floor, "bigrams": bigram_floor, "titles": view_summary.get("floor", 1)},
        "dump": {
            **counts.statistics,
            "models": dict(sorted(counts.models.items())),
            "words": merged.num_words,
            "distinct_words": merged.num_distinct_words,
        },
        "page_views": view_summary,
        "titles_ranked_by": "length" if inputs.pages is not None and not inputs.views else "views",
        "wordnet": wordnet_counts(lemmas, heads, wordnet_version),
        "dropped": dropped,
        "inputs": inputs.described,
    }
    manifest = write_queries_folder(
        folder, config.language, chosen, {"words": merged.words, "bigrams": merged.bigrams, "titles": titles}, heads,
        counts.rejections + view_rejections + head_rejections, record.identity, summary,
    )  # fmt: skip
    full: dict[str, Any] = manifest["summary"]
    return full


def _count(
    config: BuildConfig, inputs: _Inputs, segmenter: Segmenter, folder: Folder, pool: Executor | None
) -> tuple[DumpCounts, SiteInfo, list[str]]:
    note = language_note(config.language)
    notes = [note] if note else []
    if inputs.counts:
        counts, site = open_counts(inputs.counts, segmenter)
    elif inputs.pages is not None:
        counts, site = count_category(folder.sub(f"{WORK}/runs"), inputs.pages, segmenter), inputs.pages.site
    else:
        units, plan_notes = plan(inputs.dumps, [file["bytes"] for file in inputs.described[: len(inputs.dumps)]])
        notes += plan_notes
        counts = count(folder.sub(f"{WORK}/runs"), units, segmenter, pool)
        site = units[0].header.site if units else SiteInfo()
    check_articles(counts, config.dump or config.counts or f"category {config.wiki_category}")
    return counts, site, notes


def _titles(
    config: BuildConfig, inputs: _Inputs, counts: DumpCounts, site: SiteInfo, folder: Folder, pool: Executor | None
) -> tuple[pa.Table, dict[str, Any], list[Rejection]]:
    """Return (`TITLE_COUNTS`, what the summary says of the views, rejections)."""
    if not inputs.views:
        ranked = rank_titles(inputs.pages, site) if inputs.pages is not None else TITLE_COUNTS.empty_table()
        return ranked, {"lines": 0, "distinct_titles": 0}, []
    files = [(path, base_name(path), _bytes_of(inputs, path)) for path in inputs.views]
    with bar(sum(file[2] for file in files), "counting page views") as progress:
        views = count_views(folder.sub(f"{WORK}/views"), files, config.language, pool, progress.update)
    if not views.tally["lines"]:
        raise ValueError(
            f"no page-view line of language {config.language!r} in {', '.join(inputs.views[:3])}; expected lines "
            f"'{config.language} Title count bytes' as in Wikimedia's pageviews-YYYYMMDD-HH0000.gz"
        )
    titles, tally, rejected = count_titles(views, counts.redirects, site, floor=1, disambiguation=config.disambiguation)
    if inputs.pages is not None:
        topic = rank_titles(inputs.pages, site)["text"].combine_chunks()
        titles = titles.filter(pc.is_in(titles["text"], value_set=topic))
    summary = {**views.tally, "distinct_titles": len(views.titles), "titles": tally, "floor": title_floor(views.views)}
    return titles, summary, views.rejections + rejected


def title_floor(views: pa.Array, max_titles: int = MAX_TITLES) -> int:
    """Return the least views a title must have to be ranked: 1, more where over `max_titles` titles have them."""
    if len(views) <= max_titles:
        return 1
    counts = views.to_numpy()
    return int(np.partition(counts, len(counts) - max_titles - 1)[len(counts) - max_titles - 1]) + 1


def _bytes_of(inputs: _Inputs, path: str) -> int:
    return int(inputs.described[len(inputs.dumps) + inputs.views.index(path)]["bytes"])


def _choose(
    config: BuildConfig,
    segmenter: Segmenter,
    merged: MergedCounts,
    titles: pa.Table,
    heads: list[SynsetHead],
    with_views: bool,
) -> tuple[QueryList, dict[str, dict[str, Any]]]:
    """Return the list and what was dropped, by source and reason."""
    words = merged.words.filter(pc.greater_equal(merged.words["count"], config.threshold("min_word_count")))
    stop_words = set(values_of(words["text"].slice(0, config.num_stop_words)))
    bigrams, bigram_drops = rank_bigrams(
        merged.bigrams, merged.num_words, config.threshold("min_bigram_count"),
        stop_words if config.max_stop_word_share < 1 else set(), config.max_stop_word_share,
    )  # fmt: skip
    viewed = titles.filter(pc.greater_equal(titles["views"], config.threshold("min_views")))
    chosen = build_query_list(
        Source(entries=(Ranked(**row) for row in _rows(words)), available=len(words)),
        Source(entries=_ranked_bigrams(bigrams, merged.num_words, segmenter), available=len(bigrams)),
        Source(
            entries=(Ranked(**(row if with_views else row | {"views": None})) for row in _rows(viewed)),
            available=len(viewed),
        ),
        Source(
            entries=(Ranked(text=head.text, surface=head.surface, tag_count=head.tag_count) for head in heads),
            available=len(heads),
        ),
        config.given_budgets() or scale_budgets(config.size),
    )
    dropped: dict[str, dict[str, Any]] = {
        "word": {"below_min_word_count": merged.num_distinct_words - len(words)},
        "bigram": bigram_drops,
        "title": {"below_min_views": len(titles) - len(viewed)},
        "synset": {},
    }
    for source, reasons in dropped.items():
        taken = chosen.added[source] + chosen.known[source]
        reasons |= {"in_the_list_already": chosen.known[source], "over_budget": chosen.available[source] - taken}
    return chosen, dropped


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield from batch.to_pylist()


def _ranked_bigrams(bigrams: pa.Table, num_words: int, segmenter: Segmenter) -> Iterator[Ranked]:
    """Yield the bigrams in order; in a language without spaces as they are written, each text once."""
    seen: set[str] = set()
    for row in _rows(bigrams):
        text, surface = row["text"], row["surface"]
        if segmenter.finds_words:
            text, surface = join_words(text), join_words(surface)
            if text in seen:
                continue
            seen.add(text)
        yield Ranked(
            text=text, surface=surface, count=row["count"],
            pmi=pmi(row["count"], row["first_count"], row["second_count"], num_words),
        )  # fmt: skip
