"""The cap against brute force, whatever the order, the bundles and the bounds."""

import random
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance import per_query_cap
from pipeline.balance.per_query_cap import (
    RANKED,
    TOP_RANK,
    Thresholds,
    keep_lowest,
    last_kept,
    rank_bounds,
    ranked_below,
)
from schemas.buffers import ID
from schemas.candidate import QUERY_IDS

NUM_QUERIES = 4
ROWS = st.lists(
    st.tuples(st.sets(st.integers(0, NUM_QUERIES - 1), min_size=1), st.sampled_from([0, 1, 5, 2**63, TOP_RANK])),
    max_size=30,
)


def pairs(rows: list[tuple[set[int], int]]) -> tuple[pa.Table, np.ndarray]:
    ids = [bytes([7 * number % 256, *bytes(15)]) for number in range(len(rows))]
    table = pa.table(
        {"pair_id": pa.array(ids, ID), "query_ids": pa.array([sorted(queries) for queries, _ in rows], QUERY_IDS)}
    )
    return table, np.array([rank for _, rank in rows], dtype=np.uint64)


def brute_force(table: pa.Table, ranks: np.ndarray, cap: int) -> dict[int, list[tuple[int, bytes]]]:
    of_query = defaultdict(list)
    for queries, pair, rank in zip(
        table["query_ids"].to_pylist(), table["pair_id"].to_pylist(), ranks.tolist(), strict=True
    ):
        for query in queries:
            of_query[query].append((rank, pair))
    return {query: sorted(found)[:cap] for query, found in of_query.items()}


def as_dict(ranked: pa.Table) -> dict[int, list[tuple[int, bytes]]]:
    found = defaultdict(list)
    for row in ranked.to_pylist():
        found[row["query_id"]].append((row["rank"], row["pair_id"]))
    return dict(found)


@given(ROWS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_cap_lowest_in_any_order_and_bundling(
    rows: list[tuple[set[int], int]], cap: int, shuffler: random.Random
) -> None:
    table, ranks = pairs(rows)
    caps = np.full(NUM_QUERIES, cap, dtype=np.int64)
    ranked = ranked_below(table, ranks, np.full(NUM_QUERIES, TOP_RANK, dtype=np.uint64))
    expected = brute_force(table, ranks, cap)
    assert as_dict(keep_lowest([ranked], caps)) == expected
    order = list(range(len(ranked)))
    shuffler.shuffle(order)
    pieces = [ranked.take(pa.array(order[begin : begin + 3])) for begin in range(0, len(order), 3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(per_query_cap, "WAITING_ROWS", shuffler.randrange(8))  # reduced again and again, or once
        assert as_dict(keep_lowest(iter(pieces), caps)) == expected


@given(ROWS, st.integers(1, 5))
def test_thresholds_keep_exactly_the_cap_lowest(rows: list[tuple[set[int], int]], cap: int) -> None:
    table, ranks = pairs(rows)
    expected = brute_force(table, ranks, cap)
    matched = np.bincount([query for queries, _ in rows for query in queries], minlength=NUM_QUERIES)
    last = last_kept(
        keep_lowest(
            [ranked_below(table, ranks, np.full(NUM_QUERIES, TOP_RANK, dtype=np.uint64))], np.full(NUM_QUERIES, cap)
        )
    )
    capped = last.filter(pa.array(matched[last["query_id"].to_numpy()] > cap))
    kept = iter(Thresholds(capped, NUM_QUERIES).kept(table, ranks))
    for queries, pair, rank in zip(
        table["query_ids"].to_pylist(), table["pair_id"].to_pylist(), ranks.tolist(), strict=True
    ):
        for query in queries:
            assert next(kept) == ((rank, pair) in expected[query])


def test_bounds_are_exact_integers_and_never_too_tight_for_all() -> None:
    matched = np.array([0, 10, 11, 120_000_000], dtype=np.int64)
    caps = np.full(4, 10, dtype=np.int64)
    bounds = rank_bounds(matched, caps, 1)
    assert bounds[0] == bounds[1] == 0  # not capped
    assert bounds[2] == TOP_RANK
    assert bounds[3] == (10 + 26) * 2**64 // 120_000_000
    assert rank_bounds(matched, caps, 4)[3] == 4 * (10 + 26) * 2**64 // 120_000_000


def test_no_rows_at_all() -> None:
    assert len(keep_lowest([RANKED.empty_table()], np.array([3]))) == 0
    assert len(last_kept(RANKED.empty_table())) == 0
