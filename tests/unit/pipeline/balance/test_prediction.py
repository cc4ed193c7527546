"""The expected size of a selection equals its definition, in exact integers."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.per_query_cap import list_views
from pipeline.balance.prediction import FIXED_POINT, expected_selected, keep_shares
from schemas.candidate import QUERY_IDS

QUERIES = st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**6)), min_size=3, max_size=3)
PAIRS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(sorted), max_size=10)


@given(QUERIES)
def test_a_share_is_cap_over_matched_rounded_down(queries: list[tuple[int, int]]) -> None:
    matched, caps = np.array(queries, dtype=np.int64).T
    expected = [min(FIXED_POINT, cap * FIXED_POINT // max(1, found)) for found, cap in queries]
    assert keep_shares(matched, caps).tolist() == expected


@given(QUERIES, PAIRS)
def test_the_expected_size_is_the_sum_of_the_probabilities(
    queries: list[tuple[int, int]], pairs: list[list[int]]
) -> None:
    matched, caps = np.array(queries, dtype=np.int64).T
    shares = keep_shares(matched, caps)
    offsets, ids = list_views(pa.array(pairs, QUERY_IDS))
    of_query = [Fraction(int(share), FIXED_POINT) for share in shares]
    together = sum(max(of_query[query] for query in pair) for pair in pairs)
    assert expected_selected(offsets, ids, shares, "per_query_cap") == together * FIXED_POINT
    alone = Fraction(0)
    for pair in pairs:
        none = Fraction(1)
        for query in pair:
            none *= 1 - of_query[query]
        alone += 1 - none
    found = Fraction(expected_selected(offsets, ids, shares, "probabilistic"), FIXED_POINT)
    assert float(found) == pytest.approx(float(alone), abs=len(pairs) * 2.0**-27)
    assert found >= Fraction(together) - Fraction(len(pairs), FIXED_POINT), "draws of their own keep no fewer"
