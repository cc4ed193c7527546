"""Sorted lists with counts against dictionaries: pairs of them, many, of spellings, and what is among others."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from querygen.counts.sorted_lists import (
    Merge,
    is_among,
    merge_sorted,
    merge_spellings,
    merge_sums,
    sum_equal,
)

KEYS = st.lists(st.integers(0, 50) | st.integers(2**63 - 1, 2**64 - 1), max_size=30)
COUNTED = st.dictionaries(st.integers(0, 30) | st.integers(2**63 - 1, 2**64 - 1), st.integers(1, 2**40), max_size=20)
SPELLINGS = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4) | st.just(2**64 - 1)),
    st.tuples(st.integers(1, 9), st.integers(0, 2**63)),
    max_size=15,
)


def lists_of(counts: dict[int, int]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    return np.array(sorted(counts), np.uint64), np.array([counts[key] for key in sorted(counts)], np.int64)


def as_dict(keys: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64]) -> dict[int, int]:
    assert keys.tolist() == sorted(set(keys.tolist()))
    return dict(zip(keys.tolist(), counts.tolist(), strict=True))


@given(st.lists(st.tuples(st.integers(0, 9) | st.just(2**64 - 1), st.integers(0, 2**40)), max_size=30))
def test_equal_keys_are_summed(rows: list[tuple[int, int]]) -> None:
    rows.sort()
    wanted: Counter[int] = Counter()
    for key, count in rows:
        wanted[key] += count
    keys, counts = np.array([row[0] for row in rows], np.uint64), np.array([row[1] for row in rows], np.int64)
    assert as_dict(*sum_equal(keys, counts)) == dict(wanted)


@given(COUNTED, COUNTED)
def test_two_lists_are_merged_with_the_counts_of_equal_keys_summed(left: dict[int, int], right: dict[int, int]) -> None:
    found = as_dict(*merge_sorted(*lists_of(left), *lists_of(right)))
    assert found == {key: left.get(key, 0) + right.get(key, 0) for key in left | right}


@given(st.lists(COUNTED, max_size=12))
def test_many_lists_are_merged_in_any_sizes(lists: list[dict[int, int]]) -> None:
    merged = merge_sums()
    wanted: Counter[int] = Counter()
    for counts in lists:
        merged.add(*lists_of(counts))
        wanted.update(counts)
    keys, counts = merged.total()
    assert (keys.dtype, counts.dtype) == (np.uint64, np.int64)
    assert as_dict(keys, counts) == dict(wanted)


def test_of_many_lists_each_row_is_merged_a_logarithm_of_times() -> None:
    moved = 0

    def joined(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        nonlocal moved
        moved += len(left) + len(right)
        return (np.sort(np.concatenate([left, right])),)

    merge = Merge(joined, (np.int64,))
    for number in range(1024):
        merge.add(np.array([number]))
    assert merge.total()[0].tolist() == list(range(1024))
    assert moved <= 2 * 1024 * 10  # one by one it is half a million


@given(SPELLINGS, SPELLINGS)
def test_of_equal_spellings_counts_are_summed_and_the_first_place_stays(
    left: dict[tuple[int, int], tuple[int, int]], right: dict[tuple[int, int], tuple[int, int]]
) -> None:
    columns: list[npt.NDArray[Any]] = []
    for rows in (left, right):
        order = sorted(rows)
        columns += [np.array([key[side] for key in order], np.uint64) for side in range(2)]
        columns.append(np.array([rows[key][0] for key in order], np.int64))
        columns.append(np.array([rows[key][1] for key in order], np.uint64))
    found = list(zip(*(column.tolist() for column in merge_spellings(*columns)), strict=True))
    none = (0, 0)
    assert found == [
        (*key, left.get(key, none)[0] + right.get(key, none)[0], left.get(key, right.get(key, none))[1])
        for key in sorted(left | right)
    ]


@given(KEYS, KEYS)
def test_what_is_among_the_wanted_is_told(values: list[int], wanted: list[int]) -> None:
    found = is_among(np.array(sorted(values), np.uint64), np.array(sorted(wanted), np.uint64))
    assert found.tolist() == [value in wanted for value in sorted(values)]
