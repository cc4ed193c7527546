"""A small queries folder from plain counts, selected by the rule in the simplest words: what the commands read."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.manifest import write_manifest
from schemas.query import BIGRAM_COUNTS, QUERIES, SYNSET_HEADS, TITLE_COUNTS, WORD_COUNTS
from schemas.query_source import SOURCES
from schemas.rejection import REJECTIONS, rejections
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import write_tables


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the sources hold. Texts are normal forms; a title or lemma is capitalised as its surface."""

    words: dict[str, int]
    bigrams: dict[tuple[str, str], int] = field(default_factory=dict)
    titles: dict[str, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    """Tag counts."""
    num_words: int = 10_000
    min_word_count: int = 10
    min_bigram_count: int = 5
    min_views: int = 1
    num_stop_words: int = 1
    max_stop_word_share: float = 1.0
    floor: int = 2
    budgets: tuple[int, int, int] = (3, 3, 3)
    """Bigrams, titles, heads; all words are taken."""

    def orders(self) -> dict[str, list[str]]:
        """Return the texts of each source that could be taken, best first."""
        words = {word for word, count in self.words.items() if count >= self.min_word_count}
        stop = sorted(self.words, key=lambda word: (-self.words[word], word))[: self.num_stop_words]
        ratios = {
            f"{a} {b}": (Fraction(n * self.num_words, self.words[a] * self.words[b]), n)
            for (a, b), n in self.bigrams.items()
            if n >= self.min_bigram_count
            and a in words
            and b in words
            and (a in stop) + (b in stop) <= 2 * self.max_stop_word_share
        }
        return {
            "word": sorted(words, key=lambda word: (-self.words[word], word)),
            "bigram": sorted(
                (text for text, (ratio, _) in ratios.items() if ratio > 1),
                key=lambda text: (-ratios[text][0], -ratios[text][1], text),
            ),
            "title": sorted(
                (text for text, views in self.titles.items() if views >= self.min_views),
                key=lambda text: (-self.titles[text], text),
            ),
            "synset": sorted(self.heads, key=lambda text: (-self.heads[text], text)),
        }

    def taken(self) -> dict[str, list[str]]:
        """Return the texts each source brings to the list."""
        listed: set[str] = set()
        taken: dict[str, list[str]] = {}
        orders = self.orders()
        for source, budget in zip(SOURCES, (len(orders["word"]), *self.budgets), strict=True):
            taken[source] = []
            for text in orders[source]:
                if budget == 0:
                    break
                budget -= text not in listed
                listed.add(text)
                taken[source].append(text)
        return taken


def make_queries_folder(
    path: Path, counts: Counts, rows_per_group: int = 3, joined: bool = False, **summary: Any
) -> Folder:
    """Write the folder; its files have many small row groups.

    `joined` lists bigrams without their space. `summary` adds to the manifest's or replaces.
    """
    folder = Folder(str(path))
    record = RunRecord(
        command="querygen build",
        config={
            "size": 20,
            "language": "en",
            "num_stop_words": counts.num_stop_words,
            "max_stop_word_share": counts.max_stop_word_share,
        },
        inputs=[{"name": "dump.xml.bz2", "bytes": 123, "sha256": "ab" * 32}],
    )
    start_run(folder, record)
    taken, orders = counts.taken(), counts.orders()
    sources: dict[str, list[str]] = {}
    for source, texts in taken.items():
        for text in texts:
            sources.setdefault(text, []).append(source)
    pairs = {f"{a} {b}": (n, counts.words[a], counts.words[b]) for (a, b), n in counts.bigrams.items()}
    queries = [
        {
            "query_id": query_id, "text": text.replace(" ", "") if joined else text,
            "surface": text.title(), "language": "en", "source": brings[0],
            "sources": brings, "views": counts.titles.get(text) if "title" in brings else None,
            "count": counts.words.get(text) or (pairs[text][0] if text in pairs else None),
            "pmi": 1.5 if "bigram" in brings else None,
            "synsets": [f"{text}.n.01"] if text in counts.heads else None,
        }
        for query_id, (text, brings) in enumerate(sources.items())
    ]  # fmt: skip
    files = [
        _write(folder, "queries.parquet", queries, QUERIES, rows_per_group),
        _write(folder, "counts/words.parquet", [
            {"text": text, "surface": text, "count": count}
            for text, count in sorted(counts.words.items(), key=lambda item: (-item[1], item[0]))
            if count >= counts.floor
        ], WORD_COUNTS, rows_per_group),
        _write(folder, "counts/bigrams.parquet", [
            {"text": text, "surface": text, "count": n, "first_count": n_a, "second_count": n_b}
            for text, (n, n_a, n_b) in sorted(pairs.items()) if n >= counts.floor
        ], BIGRAM_COUNTS, rows_per_group),
        _write(folder, "counts/titles.parquet", [
            {"text": text, "surface": text.title(), "views": counts.titles[text]}
            for text in sorted(counts.titles, key=lambda text: (-counts.titles[text], text))
        ], TITLE_COUNTS, rows_per_group),
        _write(folder, "counts/synsets.parquet", [
            {"text": text, "surface": text, "synsets": [f"{text}.n.01"], "tag_count": counts.heads[text]}
            for text in orders["synset"]
        ], SYNSET_HEADS, rows_per_group),
    ]  # fmt: skip
    files.append(write_tables(folder, "rejections/querygen.parquet", [rejections("querygen", [])], REJECTIONS))
    values: dict[str, dict[str, int]] = {
        "word": counts.words, "bigram": {text: n for text, (n, _, _) in pairs.items()},
        "title": counts.titles, "synset": counts.heads,
    }  # fmt: skip
    names = {"word": "count", "bigram": "count", "title": "views", "synset": "tag_count"}
    own = {source: sum(brings[0] == source for brings in sources.values()) for source in SOURCES}
    full = {
        "size": 20, "min_word_count": counts.min_word_count, "min_bigram_count": counts.min_bigram_count,
        "min_views": counts.min_views, "language": "en",
        "floors": {"words": counts.floor, "bigrams": counts.floor, "titles": 1},
        "dump": {"articles": 7, "pages": 9, "redirects": 2, "words": counts.num_words, "distinct_words": 12},
        "page_views": {"lines": 30}, "wordnet": {"version": "3.0", "synsets": 5, "heads": len(counts.heads)},
        "sources": own, "budgets": own, "budgets_after_transfer": own, "notes": ["a note <b>&"],
        "available": {source: len(order) for source, order in orders.items()},
        "thresholds": {s: {"text": t[-1], names[s]: values[s][t[-1]]} for s, t in taken.items() if t},
        "overlap": {
            a: {b: sum(a in brings and b in brings for brings in sources.values()) for b in SOURCES} for a in SOURCES
        },
        "rejections": {},
    } | summary  # fmt: skip
    write_manifest(folder, "queries", files, rows=len(queries), identity=record.identity, summary=full)
    return folder


def _write(folder: Folder, name: str, rows: list[dict[str, Any]], schema: pa.Schema, per_group: int) -> FileRecord:
    table = pa.Table.from_pylist(rows, schema=schema)
    parts = [table.slice(start, per_group) for start in range(0, len(table), per_group)]
    return write_tables(folder, name, parts or [table], schema)
