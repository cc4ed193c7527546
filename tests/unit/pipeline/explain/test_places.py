"""The place of a pair among the pairs of its queries, by the definition, however the candidates are cut."""

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.places import AskedMatches
from tests.support.candidates_folder import match_table

NUM_QUERIES = 4
QUERIES = st.lists(st.integers(0, NUM_QUERIES - 1), min_size=1, max_size=3, unique=True).map(sorted)
CANDIDATES = st.lists(st.tuples(QUERIES, st.integers(0, 2)), min_size=1, max_size=15)
"""(queries, rank): ranks are equal often, so that pair_ids decide."""


@given(CANDIDATES, st.lists(st.integers(0, 14), max_size=4, unique=True), st.integers(1, 5))
def test_places_equal_a_plain_count(candidates: list[tuple[list[int], int]], asked: list[int], step: int) -> None:
    ids = [hashlib.md5(bytes([number])).digest() for number in range(len(candidates))]
    asked = [number for number in asked if number < len(candidates)]
    ranks = np.array([rank for _, rank in candidates], dtype=np.uint64)
    matches = AskedMatches(
        match_table({ids[number]: candidates[number][0] for number in asked}), ranks[asked], NUM_QUERIES
    )
    table = match_table({ids[number]: queries for number, (queries, _) in enumerate(candidates)})
    bounds = [*range(0, len(candidates), step), len(candidates)]
    lower = sum(matches.count_lower(table.slice(a, b - a), ranks[a:b]) for a, b in pairwise(bounds))
    expected = [
        sum(
            query in queries and (int(rank), ids[other]) < (int(ranks[number]), ids[number])
            for other, (queries, rank) in enumerate(candidates)
        )
        for number in asked
        for query in candidates[number][0]
    ]
    assert list(np.asarray(lower)) == expected


def test_nothing_asked_counts_nothing() -> None:
    matches = AskedMatches(match_table({}), np.zeros(0, dtype=np.uint64), 2)
    table = match_table({bytes(16): [0]})
    assert matches.count_lower(table, np.zeros(1, dtype=np.uint64)).tolist() == []
    assert pa.array(matches.queries).to_pylist() == []
