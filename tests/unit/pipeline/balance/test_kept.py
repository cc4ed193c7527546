"""Draws, kept rows, counts and the expected size against their definitions; and the law a refill rests on."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.balance.kept import KeptCounts, kept_rows
from pipeline.balance.per_query_cap import TOP_RANK, Thresholds, keep_lowest, last_kept, list_views, ranked_below
from pipeline.balance.prediction import FIXED_POINT, expected_selected, keep_shares
from pipeline.balance.probabilistic import draw_bounds, kept_by_draw
from schemas.identity import ranks, seed_key
from tests.support.candidates_folder import Matches, brute_force, draw, match_table, pair_id

NUM_QUERIES = 4
QUERIES = st.lists(st.sets(st.integers(0, NUM_QUERIES - 1), min_size=1), min_size=1, max_size=25)
CAPS = st.lists(st.integers(1, 6), min_size=NUM_QUERIES, max_size=NUM_QUERIES)
MODES = st.sampled_from(["per_query_cap", "probabilistic"])


def matches_of(queries: list[set[int]]) -> Matches:
    return {pair_id(number): sorted(found) for number, found in enumerate(queries)}


def matched_of(matches: Matches) -> np.ndarray:
    return np.bincount([query for found in matches.values() for query in found], minlength=NUM_QUERIES)


def select(matches: Matches, caps: list[int], seed: int, mode: str) -> tuple[Matches, KeptCounts]:
    """Select by our functions, as the job's passes do, in one table."""
    table, counts = match_table(matches), KeptCounts(NUM_QUERIES)
    limits, matched = np.array(caps, dtype=np.int64), matched_of(matches)
    rank = ranks(table["pair_id"], seed_key(seed))
    if mode == "per_query_cap":
        bounds = np.full(NUM_QUERIES, TOP_RANK, dtype=np.uint64)
        last = last_kept(keep_lowest([ranked_below(table, rank, bounds)], limits))
        capped = last.filter(pa.array((matched > limits)[last["query_id"].to_numpy()]))
        kept = Thresholds(capped, NUM_QUERIES).kept(table, rank)
    else:
        kept = kept_by_draw(table, draw_bounds(matched, limits), seed_key(seed))
    rows, ranked, kept_by = kept_rows(table, rank, kept, counts)
    assert ranked.to_pylist() == rank[rows].tolist()
    pairs = table["pair_id"].take(pa.array(rows)).to_pylist()
    return dict(zip(pairs, kept_by.to_pylist(), strict=True)), counts


@settings(max_examples=60)
@given(QUERIES, CAPS, st.integers(0, 3), MODES)
def test_selection_and_counts_equal_brute_force(queries: list[set[int]], caps: list[int], seed: int, mode: str) -> None:
    matches = matches_of(queries)
    found, counts = select(matches, caps, seed, mode)
    expected = brute_force(matches, caps, seed, mode)
    assert found == expected
    for query in range(NUM_QUERIES):
        assert counts.kept[query] == sum(query in kept for kept in expected.values())
        assert counts.selected[query] == sum(query in matches[pair] for pair in expected)


@settings(max_examples=60)
@given(QUERIES, CAPS, st.integers(0, 3), MODES, st.sets(st.integers(0, 24)))
def test_what_was_selected_and_did_not_fail_stays_selected(
    queries: list[set[int]], caps: list[int], seed: int, mode: str, failed: set[int]
) -> None:
    matches = matches_of(queries)
    before, _ = select(matches, caps, seed, mode)
    alive = {pair: found for pair, found in matches.items() if pair not in {pair_id(number) for number in failed}}
    after, _ = select(alive, caps, seed, mode)
    for pair in before:
        if pair in alive:
            assert set(before[pair]) <= set(after[pair])


@given(QUERIES, CAPS)
def test_expected_size_is_the_formula_of_the_mode(queries: list[set[int]], caps: list[int]) -> None:
    matches = matches_of(queries)
    matched = matched_of(matches)
    offsets, query_ids = list_views(match_table(matches)["query_ids"])
    shares = keep_shares(matched, np.array(caps, dtype=np.int64))
    share = [min(Fraction(1), Fraction(cap, int(found))) if found else Fraction(1) for cap, found in
             zip(caps, matched, strict=True)]  # fmt: skip
    largest = sum(max(share[query] for query in found) for found in matches.values())
    any_draw = Fraction(0)
    for found in matches.values():
        left = Fraction(1)
        for query in found:
            left *= 1 - share[query]
        any_draw += 1 - left
    for mode, expected in (("per_query_cap", largest), ("probabilistic", any_draw)):
        found = expected_selected(offsets, query_ids, shares, mode)
        assert found / FIXED_POINT == pytest.approx(float(expected), abs=1e-6)


def test_a_draw_is_kept_up_to_the_exact_bound() -> None:
    matched = np.array([3, 2, 2**33], dtype=np.int64)
    bounds = draw_bounds(matched, np.array([1, 2, 7], dtype=np.int64))
    assert bounds[1] == TOP_RANK
    for query, cap in ((0, 1), (2, 7)):
        assert int(bounds[query]) * int(matched[query]) < cap << 64 <= (int(bounds[query]) + 1) * int(matched[query])
    assert draw(pair_id(1), 2, 3) != draw(pair_id(1), 3, 3)
