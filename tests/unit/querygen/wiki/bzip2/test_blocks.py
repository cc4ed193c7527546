"""Blocks of bzip2 files: what libbz2 reads, from any byte on, and what is left when bits are broken."""

import bz2
import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki.bzip2 import blocks as bzip2_blocks
from querygen.wiki.bzip2.blocks import Block, BlockReader, block_starts

WORDS = random.Random(3).choices([b"the ", b"of ", b"wolf ", b"&lt;ref&gt;", b"1912\n", b"aaaaaaaa"], k=120_000)
TEXT = b"".join(WORDS)
PACKED = bz2.compress(TEXT, 1)
"""Some blocks of 100 kB, beginning at any bit."""


def blocks(data: bytes, start: int = 0) -> list[Block]:
    return list(BlockReader(io.BytesIO(data), start))


def plain(data: bytes) -> bytes:
    found = [block.data for block in blocks(data)]
    assert None not in found
    return b"".join(block or b"" for block in found)


@pytest.mark.parametrize("read_bytes", [1, 10, 1000, 1 << 20])
@pytest.mark.parametrize("level", [1, 9])
def test_streams_are_read_whole(read_bytes: int, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bzip2_blocks, "READ_BYTES", read_bytes)
    text = TEXT[:5000] if read_bytes < 1000 else TEXT
    assert plain(bz2.compress(text, level)) == text
    assert plain(bz2.compress(text[:999]) + bz2.compress(b"") + bz2.compress(text[999:], level)) == text
    assert plain(bz2.compress(b"")) == b""
    assert blocks(b"") == []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.binary(max_size=300)
        | st.text("ab", max_size=500).map(str.encode)
        | st.tuples(st.binary(min_size=1, max_size=3), st.integers(1, 3000)).map(lambda run: run[0] * run[1]),
        max_size=5,
    ),
    st.integers(1, 9),
)
def test_any_bytes_come_back(parts: list[bytes], level: int) -> None:
    data = b"".join(parts)
    assert plain(bz2.compress(data, level)) == data
    assert plain(b"".join(bz2.compress(part, level) for part in parts)) == data


def test_every_cut_finds_every_block_once() -> None:
    wanted = blocks(PACKED)
    assert len(wanted) > 4
    assert [block.position for block in wanted] == block_starts(np.frombuffer(PACKED, dtype=np.uint8)).tolist()
    for cut in (1, 4, 5, 11, *(block.position + step for block in wanted for step in (-1, 0, 1))):
        behind = [block for block in blocks(PACKED, cut) if block.data is not None]
        assert behind == [block for block in wanted if block.position >= cut]


def test_runs_longer_than_a_block_and_expanding_blocks() -> None:
    bomb = bytes(60_000_000)
    found = blocks(bz2.compress(bomb))
    assert sum(len(block.data or b"") for block in found) == len(bomb)
    assert max(len(block.data or b"") for block in found) <= 900_000 * 259 // 5
    for length in (3, 4, 5, 254, 255, 256, 258, 259, 260, 1000):
        assert plain(bz2.compress(b"x" + b"r" * length + b"y")) == b"x" + b"r" * length + b"y"


def test_one_broken_bit_costs_one_block() -> None:
    wanted = blocks(PACKED)
    draw = random.Random(5)
    for _ in range(40):
        broken = bytearray(PACKED)
        place = draw.randrange(wanted[1].position + 7, wanted[-1].position)
        broken[place] ^= 1 << draw.randrange(8)
        found = blocks(bytes(broken))
        lost = [block for block in wanted if block not in found]
        assert 1 <= len(lost) <= 2  # a bit on the border breaks one block's end and the next one's magic
        (loss,) = (block for block in found if block.data is None)
        assert loss.position == lost[0].position
        assert loss.position <= place <= loss.position + loss.num_packed_bytes
        assert not loss.cut_off


def test_the_checksum_is_compared() -> None:
    broken = bytearray(PACKED)
    broken[4 + 6] ^= 1  # the stored CRC of the first block; its bits decode as before
    found = blocks(bytes(broken))
    assert found[0].data is None
    assert found[1:] == blocks(PACKED)[1:]


def test_what_is_missing_is_reported() -> None:
    wanted = blocks(PACKED)
    for end in (len(PACKED) * 2 // 3, wanted[-1].position + 3000):
        *whole, loss = blocks(PACKED[:end])
        assert whole == wanted[: len(whole)]
        assert loss.cut_off
        assert (loss.position, loss.num_packed_bytes) == (
            wanted[len(whole)].position,
            end - wanted[len(whole)].position,
        )
    assert [(block.data, block.cut_off) for block in blocks(b"BZh")] == [(None, True)]


def test_junk_between_and_behind_streams() -> None:
    first, second = bz2.compress(b"one"), bz2.compress(b"two")
    found = blocks(first + b"junk" + second + b"more junk")
    assert [(block.data, block.position, block.num_packed_bytes) for block in found if block.data is None] == [
        (None, len(first), 8), (None, len(first + second) + 4, 9)
    ]  # fmt: skip
    assert [block.data for block in found if block.data is not None] == [b"one", b"two"]


def test_a_long_hole_is_read_over_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bzip2_blocks, "MAX_BLOCK_BYTES", 10_000)
    monkeypatch.setattr(bzip2_blocks, "READ_BYTES", 1000)
    first = bz2.compress(b"one")
    hole = bytes(100_000)
    for data in (first + hole + bz2.compress(b"two"), first[:-12] + hole + bz2.compress(b"two")):
        found = blocks(data)
        assert found[-1].data == b"two"
        lost = [block for block in found if block.data is None]
        assert len(lost) > 3
        assert sum(block.num_packed_bytes for block in lost) >= 100_000
    reader = BlockReader(io.BytesIO(hole), 5)
    assert next(iter(reader)).num_packed_bytes < 12_000  # told before all is read, so that a unit can stop there


def test_bits_inside_a_block_that_look_like_a_magic() -> None:
    # incompressible bytes with the magic among them: the block's bits hold many patterns, and all comes back
    magics = [0x314159265359.to_bytes(6, "big"), 0x177245385090.to_bytes(6, "big")]
    data = b"".join(magics * 50) + random.Random(2).randbytes(50_000)
    assert plain(bz2.compress(data)) == data


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=30), st.integers(0, 3000))
def test_hostile_bytes_end_and_lie_never(changes: list[tuple[int, int]], cut: int) -> None:
    source = bz2.compress(TEXT[:3000]) + bz2.compress(TEXT[3000:9000]) + bz2.compress(random.Random(1).randbytes(600))
    data = bytearray(source)
    for place, change in changes:
        data[place % len(data)] ^= change
    for block in blocks(bytes(data[: len(data) - cut])):
        if block.data is not None:
            assert block.data in (TEXT[:3000], TEXT[3000:9000], random.Random(1).randbytes(600))


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=400), st.lists(st.sampled_from([b"BZh9", b"1AY&SY", b"\x17rE8P\x90", b"\x00" * 4]), max_size=12)
)
def test_any_bytes_end(junk: bytes, parts: list[bytes]) -> None:
    for data in (b"".join(parts) + junk, junk[:5].join(parts), b"BZh91AY&SY" + junk):
        assert all(block.position <= len(data) for block in blocks(data))
