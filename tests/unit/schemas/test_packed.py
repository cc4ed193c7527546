"""Every packing unpacks to the same bytes; what ends early and what is broken is told apart."""

import bz2
import contextlib
import gzip
import io
import lzma
import random
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import packed
from schemas.packed import BROKEN_DATA, FileTruncated, decompress, packing

TEXT = b"".join(b"%d lines of text, " % number for number in random.Random(1).choices(range(10**9), k=20_000))


def zstandard(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


PACKERS = {"bz2": bz2.compress, "gz": gzip.compress, "xz": lzma.compress, "zst": zstandard}


def unpack(data: bytes) -> bytes:
    return b"".join(decompress(io.BytesIO(data)))


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("read_bytes", [1000, 256 * 1024])
def test_streams_one_after_the_other(kind: str, read_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "READ_BYTES", read_bytes)
    pack = PACKERS[kind]
    data = pack(TEXT[:300]) + pack(b"") + pack(TEXT[300:])
    assert packing(data) == kind
    told: list[int] = []
    assert b"".join(decompress(io.BytesIO(data), told.append)) == TEXT
    assert sum(told) == len(data)


def test_plain_bytes_pass() -> None:
    assert unpack(TEXT) == TEXT
    assert unpack(b"") == b""
    assert packing(b"") == packing(b"<mediawiki") == "plain"


def test_a_skippable_frame_is_skipped() -> None:
    assert unpack(b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello" + zstandard(TEXT)) == TEXT


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_truncated(kind: str, kept: float) -> None:
    data = PACKERS[kind](TEXT)
    cut = data[: int(len(data) * kept)]
    found: list[bytes] = []
    with pytest.raises(FileTruncated, match=f"after {len(cut)} bytes"):
        found.extend(decompress(io.BytesIO(cut)))
    assert TEXT.startswith(b"".join(found))


@pytest.mark.parametrize("kind", PACKERS)
def test_broken(kind: str) -> None:
    data = PACKERS[kind](TEXT[:1000])
    with pytest.raises(BROKEN_DATA):
        unpack(data + data[:6] + b"these bytes were never packed" * 100)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_pieces_of_a_bomb_are_small(pack: Callable[[bytes], bytes]) -> None:
    sizes = [len(piece) for piece in decompress(io.BytesIO(pack(bytes(20_000_000))))]
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= packed.PIECE_BYTES


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PACKERS)), st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4))
def test_any_damage_is_told_or_harmless(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(PACKERS[kind](TEXT[:3000]))
    for place, change in changes:
        data[place % len(data)] ^= change
    with contextlib.suppress(FileTruncated, *BROKEN_DATA):
        unpack(bytes(data))
