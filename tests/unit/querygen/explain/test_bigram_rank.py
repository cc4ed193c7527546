"""Ratios of bigrams are compared exactly, also where floats cannot tell them apart."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from querygen.explain.bigram_rank import ratios_above, settings

COUNT = st.integers(1, 2**40)
BIGRAM = st.tuples(COUNT, COUNT, COUNT)


def ratio(counts: tuple[int, int, int]) -> Fraction:
    return Fraction(counts[0], counts[1] * counts[2])


@given(st.lists(BIGRAM, min_size=1, max_size=6), BIGRAM)
def test_ratios_are_compared_exactly(rows: list[tuple[int, int, int]], other: tuple[int, int, int]) -> None:
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    above, equal = ratios_above(*columns, other)
    assert above.tolist() == [ratio(row) > ratio(other) for row in rows]
    assert equal.tolist() == [ratio(row) == ratio(other) for row in rows]


@given(st.integers(10**9, 2**40), st.integers(-1, 1))
def test_neighbours_are_told_apart(n: int, step: int) -> None:
    columns = [np.array([value], dtype=np.int64) for value in (n + step, n, n)]
    above, equal = ratios_above(*columns, (n, n, n))
    assert (bool(above[0]), bool(equal[0])) == (step > 0, step == 0)


def test_what_a_preset_decided_is_in_the_summary() -> None:
    run = {"config": {"min_bigram_count": None, "size": 20}}
    assert settings(run, {"min_bigram_count": 10}) == {"min_bigram_count": 10, "size": 20}
    assert settings({}, {"a": 1}) == {"a": 1}
