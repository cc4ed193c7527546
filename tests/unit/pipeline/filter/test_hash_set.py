"""A set of hashes is a set, 0 and equal slots too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filter.hash_set import contains, hash_set

HASHES = st.lists(st.integers(2, 2**64 - 1) | st.integers(2, 40), max_size=60)


@given(HASHES, HASHES)
def test_it_holds_what_was_put_in_and_nothing_else(members: list[int], asked: list[int]) -> None:
    slots = hash_set(np.array(members, dtype=np.uint64))
    found = contains(slots, np.array([*members, *asked], dtype=np.uint64))
    assert found.tolist() == [True] * len(members) + [one in set(members) for one in asked]
    assert np.count_nonzero(slots) == len(set(members))
    assert 2 * len(set(members)) <= len(slots)


@pytest.mark.parametrize("member", [0, 1])
def test_zero_marks_an_empty_slot_and_is_the_same_as_one(member: int) -> None:
    """Of two hashes in 2^64 one is taken for the other."""
    slots = hash_set(np.array([member], dtype=np.uint64))
    assert contains(slots, np.array([0, 1, 2], dtype=np.uint64)).tolist() == [True, True, False]
    assert contains(hash_set(np.zeros(0, dtype=np.uint64)), np.array([0, 1], dtype=np.uint64)).tolist() == [False] * 2


def test_asking_for_nothing_answers_nothing() -> None:
    assert contains(hash_set(np.array([5], dtype=np.uint64)), np.zeros(0, dtype=np.uint64)).tolist() == []
