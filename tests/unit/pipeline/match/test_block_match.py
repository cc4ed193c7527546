"""Blocks of texts: the same matches in any room, over any borders of blocks, cut by any rule; hashes of queries."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.match.block_match import (
    BLOCK_WORDS,
    CHARACTERS,
    QUERY_WORDS,
    Folding,
    Matches,
    Texts,
    match_texts,
    query_hashes,
    work_space,
)
from pipeline.match.query_table import QueryTable, query_table
from schemas.kernels.lanes import NUMBER_LANES, PADDING

NO_SEEDS = np.zeros(0, np.uint64)
NO_FOLDING = Folding(np.zeros(1, np.uint8), np.zeros(2, np.int32), np.zeros(1, np.int32))
WORDS = st.sampled_from(["a", "b", "c", "long-enough-for-two-loads"])
TEXTS = st.lists(st.lists(WORDS, max_size=6), max_size=12)


def column(texts: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    data = "".join(texts).encode() + bytes(PADDING)
    return np.frombuffer(data, np.uint8), np.cumsum([0, *(len(text.encode()) for text in texts)], dtype=np.int64)


def table_of(queries: list[str], seeds: npt.NDArray[np.uint64] = NO_SEEDS, rule: int = QUERY_WORDS) -> QueryTable:
    data, offsets = column(queries)
    hashes, ends = np.empty(len(data), np.uint64), np.empty(len(queries), np.int64)
    query_hashes(rule, data, offsets, seeds, hashes, ends)
    return query_table(hashes[: ends[-1] if len(ends) else 0], ends, np.arange(len(queries), dtype=np.int32))


def match(
    texts: list[str],
    table: QueryTable,
    *,
    room: int = 1 << 14,
    seeds: npt.NDArray[np.uint64] = NO_SEEDS,
    rule: int = QUERY_WORDS,
) -> tuple[list[list[int]], int]:
    """Return (ids of each text, in how many calls); each call has `room`, or twice as much where nothing was done."""
    data, offsets = column(texts)
    given = Texts(rule, data, offsets, seeds, NO_FOLDING, np.empty(1 << 10, np.uint8))
    work = work_space(int(np.diff(offsets).max(initial=0)) + 4)
    counts, unsure = np.zeros(len(texts), np.int32), np.zeros(len(texts), np.uint8)
    ids: list[int] = []
    row = calls = 0
    while row < len(texts):
        values = np.full(room, -7, np.int32)
        before = row
        row, written = match_texts(given, row, table, work, Matches(np.empty(room, np.int32), values, counts, unsure))
        assert (values[written + NUMBER_LANES :] == -7).all()  # nothing is written beyond the lanes that may be
        ids += values[:written].tolist()
        calls += 1
        if row == before:
            room *= 2
    assert not unsure.any()
    ends = np.cumsum(counts)
    assert len(ids) == (ends[-1] if len(ends) else 0)
    return [ids[end - count : end] for end, count in zip(ends.tolist(), counts.tolist(), strict=True)], calls


def naive(queries: list[list[str]], text: list[str]) -> list[int]:
    return [
        number
        for number, query in enumerate(queries)
        if any(text[i : i + len(query)] == query for i in range(len(text)))
    ]


@settings(max_examples=200)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=10), TEXTS, st.integers(2 * NUMBER_LANES, 200))
def test_matches_are_the_same_in_any_room(queries: list[list[str]], texts: list[list[str]], room: int) -> None:
    table = table_of([" ".join(query) for query in queries])
    found, _ = match([" ".join(text) for text in texts], table, room=room)
    assert found == [naive(queries, text) for text in texts]


@pytest.mark.parametrize("size", [1, 2, BLOCK_WORDS - 1, BLOCK_WORDS, BLOCK_WORDS + 1, 3 * BLOCK_WORDS])
def test_no_phrase_reaches_over_texts_and_none_is_lost_at_the_end_of_a_block(size: int) -> None:
    queries = [["a", "b"], ["b", "a"], ["a", "a"], ["b"]]
    texts = [["b"] * (size - 1) + ["a"], ["b"], [], ["a"], ["a"] * size, ["a", "b"]] * 3
    found, _ = match([" ".join(text) for text in texts], table_of([" ".join(query) for query in queries]))
    assert found == [naive(queries, text) for text in texts]


def test_where_the_room_ends_it_goes_on_with_the_first_text_of_the_block() -> None:
    texts = ["a b c"] * 4 * BLOCK_WORDS
    queries = ["a", "b", "c", "a b", "a b c", "a"]
    found, calls = match(texts, table_of(queries), room=1200)
    assert found == [[0, 1, 2, 3, 4, 5]] * len(texts)
    assert calls > 2
    assert match(texts, table_of(queries), room=1 << 15) == (found, 1)


@given(st.lists(st.tuples(st.sampled_from(["a", "a b", "b"]), st.integers(1, 3)), max_size=8), st.integers(1, 3))
def test_a_query_is_found_in_texts_of_its_seed_alone(queries: list[tuple[str, int]], seed: int) -> None:
    primes = np.array([0, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    table = table_of([text for text, _ in queries], primes[[number for _, number in queries]])
    found, _ = match(["a b", "b a"], table, seeds=primes[[seed, seed]])
    wanted = [(number, text) for number, (text, other) in enumerate(queries) if other == seed]
    assert found == [
        [number for number, _ in wanted],
        [number for number, text in wanted if text != "a b"],
    ]


@given(st.lists(st.text("ab\u00e9 ", min_size=1, max_size=4), max_size=6), st.text("ab\u00e9 ", max_size=12))
def test_by_characters_a_query_is_found_anywhere(queries: list[str], text: str) -> None:
    found, _ = match([text], table_of(queries, rule=CHARACTERS), rule=CHARACTERS)
    assert found == [[number for number, query in enumerate(queries) if query in text]]
