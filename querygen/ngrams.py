"""Exact counts of words and bigrams over pages of text.

In: text, a page at a time. Out: Arrow tables of (surface, count), one row per spelling, and from them one row per
normal form. Nothing is pruned, so counts are exact; memory grows with the distinct spellings (see `MAX_PENDING`).
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from querygen.tokens import TokenWords, split_tokens, token_words
from schemas.query import BIGRAM_COUNTS, WORD_COUNTS
from schemas.text import words

MAX_PENDING = 1_000_000
"""Distinct token pairs counted in Python before they move to Arrow: about 600 MB at the highest."""
FOLD_ROWS = 250_000
MAX_UNMERGED_ROWS = 8_000_000
MAX_KNOWN_TOKENS = 1_000_000

SURFACE_COUNTS = pa.schema([pa.field("surface", pa.large_string()), pa.field("count", pa.int64())])
"""A spelling and how often it stands in the text; the two spellings of a bigram are joined by a space."""


class NgramCounter:
    """Counts words and bigrams of the pages it is given."""

    def __init__(self) -> None:
        self._tokens: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._words: list[pa.Table] = []
        self._bigrams: list[pa.Table] = []
        self._known: dict[str, TokenWords] = {}

    def add(self, text: str) -> None:
        """Count the words and bigrams of one page."""
        tokens = split_tokens(text)
        self._tokens.update(tokens)
        self._pairs.update(zip(tokens, islice(tokens, 1, None)))  # noqa: B905
        if len(self._pairs) > MAX_PENDING:
            self._flush()

    def finish(self) -> tuple[pa.Table, pa.Table]:
        """Return (words, bigrams), each `SURFACE_COUNTS` with one row per spelling, in no order."""
        self._flush()
        return merge_counts(self._words), merge_counts(self._bigrams)

    def _flush(self) -> None:
        word_counts, bigram_counts = expand(self._tokens, self._pairs, self._known)
        if len(self._known) > MAX_KNOWN_TOKENS:
            self._known.clear()
        self._tokens.clear()
        self._pairs.clear()
        for tables, counts in ((self._words, word_counts), (self._bigrams, bigram_counts)):
            tables.append(_table(counts))
            if sum(len(table) for table in tables[1:]) > max(MAX_UNMERGED_ROWS, len(tables[0])):
                tables[:] = [merge_counts(tables)]


def expand(
    tokens: Counter[str], pairs: Counter[tuple[str, str]], known: dict[str, TokenWords]
) -> tuple[Counter[str], Counter[str]]:
    """Return the counts of words and of bigrams in `tokens` and in adjacent `pairs` of them.

    `known` remembers the words of tokens between calls.
    """
    for token in tokens:
        if token not in known:
            known[token] = token_words(token)
    word_counts: Counter[str] = Counter()
    bigram_counts: Counter[str] = Counter()
    for token, count in tokens.items():
        found = known[token]
        for surface in found.surfaces:
            word_counts[surface] += count
        for i, joined in enumerate(found.joined):
            if joined:
                bigram_counts[f"{found.surfaces[i]} {found.surfaces[i + 1]}"] += count
    for (first, second), count in pairs.items():
        left, right = known[first], known[second]
        if left.surfaces and right.surfaces and (right.starts_small or not left.ends_sentence):
            bigram_counts[f"{left.surfaces[-1]} {right.surfaces[0]}"] += count
    return word_counts, bigram_counts


def _table(counts: Counter[str]) -> pa.Table:
    columns = [pa.array(counts.keys(), pa.large_string()), pa.array(counts.values(), pa.int64())]
    return pa.Table.from_arrays(columns, schema=SURFACE_COUNTS)


def merge_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the sum of `SURFACE_COUNTS` tables: one row per spelling, in no order."""
    whole = pa.concat_tables([SURFACE_COUNTS.empty_table(), *tables])
    summed = whole.group_by("surface").aggregate([("count", "sum")])
    return summed.rename_columns(["surface", "count"]).cast(SURFACE_COUNTS)


def normal_word(surface: str) -> str:
    """Return the normal form of one surface word."""
    return surface.lower() if surface.isascii() else " ".join(words(surface))


def fold_words(surfaces: pa.Table) -> pa.Table:
    """Return `WORD_COUNTS` of all words: spellings of one normal form summed, the most frequent kept."""
    return _fold(_with_texts(surfaces)).cast(WORD_COUNTS)


def fold_bigrams(surfaces: pa.Table, word_counts: pa.Table, min_count: int) -> pa.Table:
    """Return `BIGRAM_COUNTS` of the bigrams that occur at least `min_count` times.

    `word_counts` holds all words of the same text (see `fold_words`).
    """
    folded = _fold(_with_texts(surfaces), min_count)
    counts = dict(zip(word_counts["text"].to_pylist(), word_counts["count"].to_pylist(), strict=True))
    parts = [text.split(" ") for text in folded["text"].to_pylist()]
    first = pa.array([counts[part[0]] for part in parts], pa.int64())
    second = pa.array([counts[part[1]] for part in parts], pa.int64())
    return folded.append_column("first_count", first).append_column("second_count", second).cast(BIGRAM_COUNTS)


def _with_texts(surfaces: pa.Table) -> pa.Table:
    """Append the normal form of each surface (of one word or two)."""
    texts = [
        pa.array(
            [
                surface.lower() if surface.isascii() else " ".join(normal_word(word) for word in surface.split(" "))
                for surface in batch.column("surface").to_pylist()
            ],
            pa.large_string(),
        )
        for batch in surfaces.to_batches(max_chunksize=FOLD_ROWS)
    ]
    return surfaces.append_column("text", pa.chunked_array(texts, pa.large_string()))


def _fold(table: pa.Table, min_count: int = 1) -> pa.Table:
    """Sum (surface, count, text) by text; keep of each text its most frequent surface, of equals the smallest.

    Returns (text, surface, count), count descending, then text.
    """
    totals = table.group_by("text").aggregate([("count", "sum")])
    totals = totals.filter(pc.greater_equal(totals["count_sum"], min_count))
    ordered = table.sort_by([("text", "ascending"), ("count", "descending"), ("surface", "ascending")])
    best = ordered.group_by("text", use_threads=False).aggregate([("surface", "first")])
    joined = totals.join(best, "text", join_type="inner")
    result = pa.table({"text": joined["text"], "surface": joined["surface_first"], "count": joined["count_sum"]})
    return result.sort_by([("count", "descending"), ("text", "ascending")])
