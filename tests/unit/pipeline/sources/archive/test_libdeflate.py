"""libdeflate's decompressor in compiled code gives what gzip packed, and says how it went."""

import gzip

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.archive.libdeflate import DAMAGED, DONE, NO_ROOM, Decompressor, gunzip

DECOMPRESSOR = Decompressor()


@numba.njit
def _gunzip(function, state, data, begin, size, out, start, room, lengths):  # type: ignore[no-untyped-def]
    return gunzip(function, state, data, begin, size, out, start, room, lengths)


def unpacked(data: bytes, begin: int, room: int) -> tuple[int, bytes, int]:
    """Return (status, what was written behind a byte, bytes read) of the member at `begin`."""
    source = np.frombuffer(data, dtype=np.uint8)
    out = np.zeros(room + 2, dtype=np.uint8)
    lengths = np.zeros(2, dtype=np.int64)
    status = _gunzip(DECOMPRESSOR.function, DECOMPRESSOR.state, source, begin, len(data) - begin, out, 1, room, lengths)
    assert out[0] == out[-1] == 0, "nothing is written outside of the room"
    return status, out[1 : 1 + lengths[1]].tobytes(), int(lengths[0])


@given(st.binary(max_size=300), st.binary(max_size=5), st.binary(max_size=20))
def test_a_member_between_other_bytes(text: bytes, before: bytes, behind: bytes) -> None:
    member = gzip.compress(text, mtime=0)
    status, found, read = unpacked(before + member + behind, len(before), len(text))
    assert (status, found, read) == (DONE, text, len(member))


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_member_that_is_cut_is_damaged(cut: int) -> None:
    assert unpacked(gzip.compress(b"text" * 100)[:-cut], 0, 1000)[0] == DAMAGED


def test_too_little_room_is_told() -> None:
    assert unpacked(gzip.compress(b"text" * 100), 0, 399)[0] == NO_ROOM
    assert unpacked(gzip.compress(b"text" * 100), 0, 400)[0] == DONE


def test_another_checksum_is_damage() -> None:
    member = bytearray(gzip.compress(b"text"))
    member[-6] ^= 1
    assert unpacked(bytes(member), 0, 100)[0] == DAMAGED
