"""The place of a bigram in the order of its source, from the counts that are stored.

In: `BIGRAM_COUNTS` in a file, in any order. Out: ranks by the rule of `querygen.pmi`, exact, a row group at a time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from querygen.counts_file import CountsFile

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


def rank_bigram(bigrams: CountsFile, row: dict[str, Any], rule: BigramRule) -> tuple[int, int]:
    """Return (rank from 1, of how many) of a row of `bigrams` among those that may become queries.

    Order: n_ab / (n_a n_b) descending, exact, then count descending, then text.
    """
    before, total = 0, 0
    for group in bigrams.groups():
        high = bigrams.limits(group, "count")[1]
        if high is not None and high < rule.min_count:
            continue
        table = bigrams.read(group, ["count", "first_count", "second_count"])
        n_ab, n_a, n_b = (table[name].to_numpy() for name in ("count", "first_count", "second_count"))
        rows = np.flatnonzero((n_ab >= rule.min_count) & (np.minimum(n_a, n_b) >= rule.min_word_count))
        rows = rows[ratios_above(n_ab[rows], n_a[rows], n_b[rows], (1, rule.num_words, 1))[0]]
        if rule.stop_words:
            rows = rows[_few_stop_words(bigrams, group, rows, n_a[rows], n_b[rows], rule.stop_words)]
        total += len(rows)
        better, equal = ratios_above(
            n_ab[rows], n_a[rows], n_b[rows], (row["count"], row["first_count"], row["second_count"])
        )
        better |= equal & (n_ab[rows] > row["count"])
        ties = np.zeros(len(table), dtype=bool)
        ties[rows[equal & (n_ab[rows] == row["count"])]] = True
        before += int(better.sum()) + bigrams.num_texts_before(group, ties, row["text"])
    return before + 1, total


def _few_stop_words(bigrams: CountsFile, group: int, rows: Counts, n_a: Counts, n_b: Counts, stop: StopWords) -> Mask:
    first, second = n_a > stop.above, n_b > stop.above
    tied = np.flatnonzero((n_a == stop.above) | (n_b == stop.above))
    if len(tied):
        texts = bigrams.read(group, ["text"])["text"].take(pa.array(rows[tied])).to_pylist()
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
