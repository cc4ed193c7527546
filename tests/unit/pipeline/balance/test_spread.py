"""Spreads of values: joined, they are the spread of all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.spread import Spread, joined, spread_of


@given(st.lists(st.lists(st.integers(0, 2**40), max_size=5), max_size=5))
def test_joined_spreads_are_the_spread_of_all(parts: list[list[int]]) -> None:
    whole = np.array([value for part in parts for value in part], dtype=np.int64)
    assert joined([spread_of(np.array(part, dtype=np.int64)) for part in parts]) == spread_of(whole)


def test_no_values_at_all() -> None:
    assert spread_of(np.zeros(0, dtype=np.int64)).as_json() == {"count": 0, "sum": 0, "min": 0, "max": 0}
    assert joined([]) == Spread()
