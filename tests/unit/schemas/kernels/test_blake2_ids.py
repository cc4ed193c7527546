"""Digests of ids: equal to hashlib's under any key."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.buffers import ID, words_from_ids
from schemas.identity import caption_ranks, ranks
from schemas.kernels.blake2_ids import digest_ids

IDS = st.lists(st.binary(min_size=16, max_size=16), max_size=20)
KEYS = st.binary(min_size=1, max_size=64)


def expected(ids: list[bytes], person: bytes, key: bytes) -> list[int]:
    return [int.from_bytes(hashlib.blake2b(i, digest_size=8, person=person, key=key).digest(), "little") for i in ids]


@given(IDS, KEYS, st.binary(max_size=16), st.integers(0, 3))
def test_digests_equal_hashlib(ids: list[bytes], key: bytes, person: bytes, begin: int) -> None:
    column = pa.array(ids, ID).slice(begin)
    assert digest_ids(words_from_ids(column), person=person, key=key).tolist() == expected(ids[begin:], person, key)


@given(IDS, KEYS)
def test_ranks_of_pairs_and_captions_are_such_digests(ids: list[bytes], key: bytes) -> None:
    column = pa.chunked_array([pa.array(ids[:3], ID), pa.array(ids[3:], ID)])
    assert ranks(column, key).tolist() == expected(ids, b"wit.rank.1", key)
    assert caption_ranks(column, key).tolist() == expected(ids, b"wit.caption.1", key)


@pytest.mark.parametrize(
    ("key", "person"),
    [
        pytest.param(b"", b"p", id="no key"),
        pytest.param(bytes(65), b"p", id="long key"),
        pytest.param(b"k", bytes(17), id="long person"),
    ],
)
def test_keys_and_persons_beyond_the_standard_are_refused(key: bytes, person: bytes) -> None:
    with pytest.raises(ValueError, match="person has at most 16 bytes and key 1 to 64"):
        digest_ids(np.zeros((1, 2), dtype=np.uint64), person=person, key=key)
