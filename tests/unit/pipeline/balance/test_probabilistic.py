"""A query keeps a pair by a draw: exactly when draw * matched < cap * 2^64."""

import hashlib

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.per_query_cap import TOP_RANK
from pipeline.balance.probabilistic import draw_bounds, kept_by_draw
from schemas.identity import seed_key
from tests.support.candidates_folder import draw, match_table

NUMBERS = st.integers(1, 2**40)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8), st.integers(-2, 2))
def test_a_bound_is_the_highest_draw_that_is_kept(queries: list[tuple[int, int]], near: int) -> None:
    matched, caps = np.array(queries, dtype=np.int64).T
    for (found, cap), bound in zip(queries, draw_bounds(matched, caps).tolist(), strict=True):
        if found <= cap:
            assert bound == TOP_RANK
            continue
        drawn = min(max(bound + near, 0), TOP_RANK)
        assert (drawn * found < cap << 64) == (drawn <= bound)


@given(st.lists(st.lists(st.integers(0, 2), max_size=3, unique=True).map(sorted), max_size=12), st.integers(0, 99))
def test_pairs_are_kept_as_their_draws_say(pairs: list[list[int]], seed: int) -> None:
    matches = {hashlib.md5(bytes([number])).digest(): queries for number, queries in enumerate(pairs)}
    matched, caps = np.array([100, 3, 8]), np.array([40, 5, 1])
    kept = kept_by_draw(match_table(matches), draw_bounds(matched, caps), seed_key(seed))
    expected = [
        found <= cap or draw(pair, query, seed) * found < cap << 64
        for pair, queries in matches.items()
        for query in queries
        for found, cap in [(int(matched[query]), int(caps[query]))]
    ]
    assert kept.tolist() == expected


def test_about_cap_over_matched_of_the_pairs_are_kept() -> None:
    matches = {hashlib.md5(number.to_bytes(4, "big")).digest(): [0] for number in range(4000)}
    kept = kept_by_draw(match_table(matches), draw_bounds(np.array([4000]), np.array([1000])), seed_key(0))
    assert abs(int(kept.sum()) - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5
    assert pa.array(kept).null_count == 0
