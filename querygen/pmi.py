"""Pointwise mutual information of bigrams, ordered without floating point.

PMI = log2(n_ab N / (n_a n_b)). The order is that of the exact ratio n_ab / (n_a n_b) in integers, because a
float logarithm depends on the C library.
"""

import math
from fractions import Fraction

import pyarrow as pa


def pmi(count: int, first_count: int, second_count: int, num_words: int) -> float:
    """Return the PMI in bits; `num_words` is N, the number of running words of the text. For display only."""
    return math.log2(Fraction(count * num_words, first_count * second_count))


def rank_bigrams(bigrams: pa.Table, word_list: set[str], min_count: int, num_words: int) -> pa.Table:
    """Return the rows of `bigrams` (`schemas.query.BIGRAM_COUNTS`) that may become queries, best first.

    Kept: at least `min_count` occurrences, both words in `word_list`, and PMI above 0 (the words stand together more
    often than by chance; `num_words` is N). Order: the exact ratio, ties by higher count, then by text.
    """
    columns = bigrams.to_pydict()
    kept = []
    for row, (text, count) in enumerate(zip(columns["text"], columns["count"], strict=True)):
        first, second = text.split(" ")
        product = columns["first_count"][row] * columns["second_count"][row]
        if count >= min_count and count * num_words > product and first in word_list and second in word_list:
            ratio = Fraction(count, product)
            kept.append((-ratio, -count, text, row))
    kept.sort()
    return bigrams.take(pa.array([item[3] for item in kept], pa.int64()))
