"""The set of hashes against Python's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kernels.hash_set import UInt64Array, contains, hash_set

HASHES = st.one_of(st.integers(1, 40), st.integers(1, 2**64 - 1))  # small ones crowd, and meet


def array(hashes: list[int]) -> UInt64Array:
    return np.array(hashes, dtype=np.uint64)


@settings(max_examples=200, deadline=None)
@given(st.lists(HASHES, max_size=60), st.lists(HASHES, max_size=60))
def test_holds_what_a_python_set_holds(members: list[int], others: list[int]) -> None:
    asked = members + others
    assert contains(hash_set(array(members)), array(asked)).tolist() == [key in set(members) for key in asked]


@settings(max_examples=200, deadline=None)
@given(st.lists(HASHES, max_size=60))
def test_each_member_stands_once_in_at_most_half_of_the_slots(members: list[int]) -> None:
    slots = hash_set(array(members))
    assert sorted(slots[slots != 0].tolist()) == sorted(set(members))
    assert 2 * len(members) < len(slots)


def test_a_hash_of_zero_is_a_member_like_any_other() -> None:
    assert contains(hash_set(array([0, 7])), array([0, 7, 8])).tolist() == [True, True, False]
    assert contains(hash_set(array([7])), array([0])).tolist() == [False]


def test_searches_go_round_the_end() -> None:
    """Hashes of one home slot, the last: they lie at the end and at the beginning."""
    home = [key for key in range(1, 2000) if (key * 0x9E3779B97F4A7C15 % 2**64) >> 17 & 15 == 15][:5]
    slots = hash_set(array(home))
    assert len(slots) == 16
    assert np.flatnonzero(slots).tolist() == [0, 1, 2, 3, 15]
    assert contains(slots, array(home)).all()
