"""Pointwise mutual information of bigrams, ordered without a logarithm.

PMI = log2(n_ab N / (n_a n_b)). The order is that of the exact ratio n_ab / (n_a n_b), because a floating-point
logarithm depends on the C library: quotients of doubles (rounded the same everywhere) sort the bulk, and integers
decide between those that rounding may have swapped.
"""

import math
from collections.abc import Collection
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_CLOSE = 1e-14
"""Quotients nearer than this, in proportion, are compared as fractions; two roundings err by 2e-16 each."""


def pmi(count: int, first_count: int, second_count: int, num_words: int) -> float:
    """Return the PMI in bits; `num_words` is N, the number of running words of the text. For display only."""
    return math.log2(Fraction(count * num_words, first_count * second_count))


def rank_bigrams(
    bigrams: pa.Table,
    num_words: int,
    min_count: int,
    stop_words: Collection[str] = (),
    max_stop_word_share: float = 1.0,
) -> tuple[pa.Table, dict[str, int]]:
    """Return the rows of `bigrams` (`schemas.query.BIGRAM_COUNTS`) that may become queries, best first, and drops.

    Kept: at least `min_count` occurrences, a share of `stop_words` up to the maximum, and PMI above 0 (the words stand
    together more often than by chance; `num_words` is N). Order: the exact ratio, ties by higher count, then by text.
    The drops are numbers of bigrams by reason; of several reasons the first counts.
    """
    frequent = pc.greater_equal(bigrams["count"], min_count).to_numpy(zero_copy_only=False)
    allowed = _stop_word_shares(bigrams["text"], stop_words) <= max_stop_word_share
    counts = bigrams["count"].to_numpy()
    first, second = bigrams["first_count"].to_numpy(), bigrams["second_count"].to_numpy()
    attracted = _is_attracted(counts, first, second, num_words)
    kept = frequent & allowed & attracted
    dropped = {
        "below_min_bigram_count": int((~frequent).sum()),
        "too_many_stop_words": int((frequent & ~allowed).sum()),
        "pmi_not_positive": int((frequent & allowed & ~attracted).sum()),
    }
    table = bigrams.filter(pa.array(kept))
    return table.take(pa.array(_order(counts[kept], first[kept], second[kept]))), dropped


def _is_attracted(counts: Any, first: Any, second: Any, num_words: int) -> npt.NDArray[np.bool_]:
    """Tell whether n_ab N > n_a n_b, exactly."""
    left = counts.astype(np.float64) * num_words
    right = first.astype(np.float64) * second
    result = left > right
    for row in np.flatnonzero(np.abs(left - right) <= _CLOSE * right).tolist():
        result[row] = int(counts[row]) * num_words > int(first[row]) * int(second[row])
    return np.asarray(result)


def _order(counts: Any, first: Any, second: Any) -> npt.NDArray[np.int64]:
    """Return the rows by ratio descending, then count descending; equal rows keep their order (that of the text)."""
    ratios = counts / (first.astype(np.float64) * second)
    order = np.lexsort((-counts, -ratios))
    ordered = ratios[order]
    close = np.append(False, ordered[:-1] - ordered[1:] <= _CLOSE * ordered[:-1])
    starts = np.flatnonzero(~close)
    ends = np.append(starts[1:], len(order))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start > 1:
            group = sorted(
                order[start:end].tolist(),
                key=lambda row: (
                    -Fraction(int(counts[row]), int(first[row]) * int(second[row])),
                    -int(counts[row]),
                    row,
                ),
            )
            order[start:end] = group
    return order


def _stop_word_shares(texts: pa.ChunkedArray, stop_words: Collection[str]) -> npt.NDArray[np.float64]:
    if not stop_words or not len(texts):
        return np.zeros(len(texts))
    parts = pc.split_pattern(texts.combine_chunks(), " ")
    is_stop = pc.is_in(parts.flatten(), value_set=pa.array(sorted(stop_words), parts.type.value_type))
    return np.asarray(is_stop.to_numpy(zero_copy_only=False).reshape(-1, 2).mean(axis=1))
