"""BLAKE2b over Arrow buffers equals that of hashlib."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernels.blake2 import digest_rows


@given(st.lists(st.binary(max_size=300), max_size=20), st.binary(max_size=64), st.sampled_from([8, 16, 32, 64]))
def test_digests_equal_hashlib(rows: list[bytes], key: bytes, digest_bytes: int) -> None:
    data = np.frombuffer(b"".join(rows), dtype=np.uint8)
    offsets = np.cumsum([0, *[len(row) for row in rows]]).astype(np.int64)
    found = digest_rows(data, offsets, digest_bytes=digest_bytes, person=b"wit.test", key=key)
    for row, digest in zip(rows, found, strict=True):
        expected = hashlib.blake2b(row, digest_size=digest_bytes, person=b"wit.test", key=key).digest()
        assert digest.tobytes() == expected


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 255, 256, 257, 1000])
def test_block_boundaries(size: int) -> None:
    row = bytes(range(256)) * 4
    data, offsets = np.frombuffer(row, dtype=np.uint8), np.array([0, size], dtype=np.int64)
    for key in (b"", b"k"):
        expected = hashlib.blake2b(row[:size], digest_size=16, person=b"p", key=key).digest()
        assert digest_rows(data, offsets, digest_bytes=16, person=b"p", key=key)[0].tobytes() == expected
