"""The bzip2 decoder against libbz2: every level, blocks side by side, checksums, and bits that lie."""

import bz2
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki.bzip2 import decoder as bzip2_decoder
from querygen.wiki.bzip2.blocks import block_starts
from querygen.wiki.bzip2.decoder import (
    MAX_BLOCKS,
    NUM_LANES,
    OK,
    PADDING,
    RANDOMISED,
    BlockDecoder,
    DecodedBlock,
    crc32,
)

DECODER = BlockDecoder()


def decode(packed: bytes, bits: list[int]) -> list[DecodedBlock]:
    return DECODER.decode(np.frombuffer(packed + bytes(PADDING), dtype=np.uint8).copy(), bits)


def crc_by_bits(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value ^ 0xFFFFFFFF


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_crc(data: bytes) -> None:
    assert int(crc32(np.frombuffer(data, dtype=np.uint8), bzip2_decoder._CRC)) == crc_by_bits(data)


SOURCES = {
    "every byte": bytes(range(256)) * 9,
    "noise": random.Random(1).randbytes(30_000),
    "one byte": b"x",
    "runs": b"".join(bytes([65 + length % 7]) * length for length in range(600)),
    "words": b" ".join(random.Random(2).choices([b"wolf", b"of", b"the", b"steppe"], k=20_000)),
    # far more frequent bytes than rare ones: codes longer than the look-up table's
    "skewed": b"".join(bytes([byte]) * min(1 << byte, 60_000) for byte in range(20)) + bytes(range(256)),
    "skewed and mixed": bytes(random.Random(3).choices(range(40), [0.6**byte for byte in range(40)], k=100_000)),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("num_lanes", [1, 3, NUM_LANES, 2 * NUM_LANES + 3])
def test_streams_side_by_side(source: str, num_lanes: int) -> None:
    parts = [SOURCES[source][skip:] or b"y" for skip in range(num_lanes)]
    streams = [bz2.compress(part) for part in parts]
    bits = [8 * (4 + sum(map(len, streams[:lane]))) for lane in range(num_lanes)]
    found = decode(b"".join(streams), bits)
    assert [block.status for block in found] == [OK] * num_lanes
    assert [block.plain() for block in found] == parts
    # behind the block lie 80 bits of end and up to 7 of padding
    ends = [8 * sum(map(len, streams[: lane + 1])) for lane in range(num_lanes)]
    assert all(80 <= end - block.end_bit <= 87 for end, block in zip(ends, found, strict=True))


def test_blocks_of_unequal_size_take_turns() -> None:
    order = random.Random(5)
    parts = [SOURCES["words"][: order.choice([1, 300, 20_000])] for _ in range(MAX_BLOCKS)]
    streams = [bytearray(bz2.compress(part)) for part in parts]
    broken = range(5, MAX_BLOCKS, 9)
    for number in broken:
        streams[number][14] |= 0x80
    starts = [4 + sum(map(len, streams[:number])) for number in range(MAX_BLOCKS)]
    found = decode(b"".join(map(bytes, streams)), [8 * start for start in starts])
    assert [block.status == RANDOMISED for block in found] == [number in broken for number in range(MAX_BLOCKS)]
    whole = [number for number in range(MAX_BLOCKS) if number not in broken]
    assert [found[number].plain() for number in whole] == [parts[number] for number in whole]


def test_a_broken_lane_leaves_the_others_alone() -> None:
    text = SOURCES["words"]
    streams = [bytearray(bz2.compress(text)) for _ in range(4)]
    streams[1][60:80] = bytes(20)
    streams[3][14] |= 0x80  # "randomised", as only bzip2 before 0.9.5 wrote
    bits = [8 * (4 + lane * len(streams[0])) for lane in range(4)]
    found = decode(b"".join(map(bytes, streams)), bits)
    assert [block.plain() if block.status == OK else None for block in found] == [text, None, text, None]
    assert found[3].status == RANDOMISED


def test_cut_anywhere_is_no_block() -> None:
    packed = bz2.compress(SOURCES["words"][:4000])
    for end in range(4, len(packed) - 11):
        (block,) = decode(packed[:end], [32])
        assert block.status != OK


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(10, 400), st.integers(1, 255)), min_size=1, max_size=4),
    st.sampled_from(sorted(SOURCES)),
)
def test_what_is_taken_for_whole_is_what_libbz2_reads(changes: list[tuple[int, int]], source: str) -> None:
    packed = bytearray(bz2.compress(SOURCES[source][:5000]))
    for place, change in changes:
        packed[4 + place % (len(packed) - 16)] ^= change
    starts = block_starts(np.frombuffer(packed, dtype=np.uint8)).tolist()
    for block in decode(bytes(packed), [8 * start for start in starts][:1]):
        data = block.plain() if block.status == OK else None
        try:
            wanted: bytes | None = bz2.decompress(bytes(packed))
        except (OSError, ValueError):
            wanted = None
        if wanted is not None:
            assert data == wanted
        elif data is not None:  # the stream's own end was hit, not the block
            assert data == SOURCES[source][:5000]
