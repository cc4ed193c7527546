"""The place of a bigram in the order of its source, from the counts that are stored.

In: `BIGRAM_COUNTS` in a file, in any order. Out: ranks by the rule of `querygen.query_list.pmi`, exact, a row group at
a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from querygen.explain.counts_file import CountsFile
from schemas.arrow_types import values_of

SURE = 1e-12
"""Two float ratios further apart than this (relative) are in the order of the exact ratios: each is 5 roundings off."""

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class StopWords:
    """The most frequent words, as bigrams see them: by their counts."""

    above: int
    """A word seen more often is a stop word."""
    tied: frozenset[str]
    """The stop words seen exactly so often."""
    max_share: float
    """Share of a bigram's two words that may be stop words."""


@dataclass(frozen=True, kw_only=True)
class BigramRule:
    """Which bigrams may become queries."""

    min_count: int
    min_word_count: int
    num_words: int
    """N, the running words of the text."""
    stop_words: StopWords | None = None


def settings(run: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    """Return what a build was asked for; the summary knows the values that a preset decided."""
    return {**run.get("config", {}), **summary}


def bigram_rule(words: CountsFile, settings: dict[str, Any]) -> BigramRule:
    """Return the rule of a build; `words` says which words are stop words."""
    share, num = settings.get("max_stop_word_share"), settings.get("num_stop_words")
    stop_words = None
    if share is not None and share < 1 and num:
        above, tied = words.place("count", num)
        stop_words = StopWords(above=above, tied=tied, max_share=share)
    return BigramRule(
        min_count=settings["min_bigram_count"],
        min_word_count=settings["min_word_count"],
        num_words=settings["dump"]["words"],
        stop_words=stop_words,
    )


def takeable(bigrams: CountsFile, rule: BigramRule) -> Iterator[tuple[Any, Counts, Counts, Counts, Counts]]:
    """Yield (row group, rows, n_ab, n_a, n_b) of the bigrams that may become queries, in the order of the file."""
    for group in bigrams.groups(pc.field("count") >= rule.min_count):
        table = bigrams.read(group, ["count", "first_count", "second_count"])
        n_ab, n_a, n_b = (table[name].to_numpy() for name in ("count", "first_count", "second_count"))
        rows = np.flatnonzero((n_ab >= rule.min_count) & (np.minimum(n_a, n_b) >= rule.min_word_count))
        rows = rows[ratios_above(n_ab[rows], n_a[rows], n_b[rows], (1, rule.num_words, 1))[0]]
        if rule.stop_words:
            rows = rows[_few_stop_words(bigrams, group, rows, n_a[rows], n_b[rows], rule.stop_words)]
        yield group, rows, n_ab[rows], n_a[rows], n_b[rows]


def rank_bigram(bigrams: CountsFile, row: dict[str, Any], rule: BigramRule) -> tuple[int, int]:
    """Return (rank from 1, of how many) of a row of `bigrams` among those that may become queries.

    Order: n_ab / (n_a n_b) descending, exact, then count descending, then text.
    """
    before, total = 0, 0
    for group, rows, n_ab, n_a, n_b in takeable(bigrams, rule):
        total += len(rows)
        better, equal = ratios_above(n_ab, n_a, n_b, (row["count"], row["first_count"], row["second_count"]))
        better |= equal & (n_ab > row["count"])
        ties = rows[equal & (n_ab == row["count"])]
        before += int(better.sum())
        if len(ties):
            texts = bigrams.read(group, ["text"])["text"].take(pa.array(ties))
            before += pc.sum(pc.less(texts, row["text"])).as_py()
    return before + 1, total


def _few_stop_words(bigrams: CountsFile, group: Any, rows: Counts, n_a: Counts, n_b: Counts, stop: StopWords) -> Mask:
    first, second = n_a > stop.above, n_b > stop.above
    tied = np.flatnonzero((n_a == stop.above) | (n_b == stop.above))
    if len(tied):
        texts = values_of(bigrams.read(group, ["text"])["text"].take(pa.array(rows[tied])))
        for i, text in zip(tied.tolist(), texts, strict=True):
            left, _, right = text.partition(" ")
            first[i] |= left in stop.tied
            second[i] |= right in stop.tied
    few: Mask = (first.astype(np.int8) + second) <= 2 * stop.max_share
    return few


def ratios_above(n_ab: Counts, n_a: Counts, n_b: Counts, other: tuple[int, int, int]) -> tuple[Mask, Mask]:
    """Return per row whether n_ab / (n_a n_b) is above that of `other` = (n_ab, n_a, n_b), and whether it is equal.

    Exact: floats decide what is far apart, integers the rest.
    """
    quotient = n_ab.astype(np.float64) / n_a / n_b * (float(other[1]) * float(other[2]) / other[0])
    above, equal = quotient > 1 + SURE, np.zeros(len(quotient), dtype=bool)
    near = np.flatnonzero(np.abs(quotient - 1) <= SURE)
    product = other[1] * other[2]
    for i in near.tolist():
        left, right = int(n_ab[i]) * product, other[0] * int(n_a[i]) * int(n_b[i])
        above[i], equal[i] = left > right, left == right
    return above, equal
