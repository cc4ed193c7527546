"""Members of a gzip file, whole and damaged: what is whole is read, where it stands is told."""

import gzip
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.archive import gzip_members
from pipeline.sources.archive.gzip_members import read_members
from pipeline.sources.source import Broken


def members_of(raw: bytes) -> tuple[list[tuple[int, bytes]], list[int]]:
    """Return ((offset, content) of the members, offsets of the damage)."""
    found, broken = [], []
    for item in read_members(io.BytesIO(raw)):
        if isinstance(item, Broken):
            assert item.reason == "member_unreadable"
            broken.append(item.position)
            continue
        for number, position in enumerate(item.positions.tolist()):
            found.append((position, item.data[item.ends[number] : item.ends[number + 1]].tobytes()))
    return found, broken


DAMAGE = ["cut", "magic", "middle", "garbage", "checksum"]
CONTENT = st.binary(max_size=400) | st.just(b"\x1f\x8b\x08\x00" * 50) | st.integers(0, 70_000).map(lambda n: b"ab" * n)


@settings(max_examples=60)
@given(
    st.lists(CONTENT, max_size=6), st.sampled_from([64, 1 << 20]), st.sampled_from([1, 500, 1 << 20]), st.integers(0, 9)
)
def test_whole_members_are_read_with_their_offsets(
    contents: list[bytes], read_bytes: int, batch_bytes: int, level: int
) -> None:
    packed = [gzip.compress(content, level, mtime=0) for content in contents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzip_members, "READ_BYTES", read_bytes)
        patch.setattr(gzip_members, "BATCH_BYTES", batch_bytes)
        found, broken = members_of(b"".join(packed))
    offsets = [sum(map(len, packed[:number])) for number in range(len(packed))]
    assert found == list(zip(offsets, contents, strict=True))
    assert broken == []


@settings(max_examples=60)
@given(
    st.integers(0, 3),
    st.sampled_from(["cut", "magic", "middle", "garbage", "checksum"]),
    st.sampled_from([64, 1 << 20]),
)
def test_damage_costs_one_member(number: int, damage: str, read_bytes: int) -> None:
    contents = [bytes([65 + index]) * 500 + bytes(range(256)) for index in range(4)]
    packed = [gzip.compress(content, mtime=0) for content in contents]
    offsets = [sum(map(len, packed[:index])) for index in range(4)]
    one = bytearray(packed[number])
    lost = number
    where = offsets[number]
    if damage == "cut":
        del one[len(one) // 2 :]
    elif damage == "magic":
        one[:3] = b"\0\0\0"
    elif damage == "middle":
        one[20:60] = b"\xff" * 40
    elif damage == "checksum":
        one[-8] ^= 1
    else:
        one += b"garbage between"
        lost, where = -1, offsets[number] + len(packed[number])
    packed[number] = bytes(one)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzip_members, "READ_BYTES", read_bytes)
        found, broken = members_of(b"".join(packed))
    assert [content for _, content in found] == [content for index, content in enumerate(contents) if index != lost]
    assert broken == [where]


@pytest.mark.parametrize("read_bytes", [1000, 1 << 20])
def test_a_member_larger_than_the_room_is_read(monkeypatch: pytest.MonkeyPatch, read_bytes: int) -> None:
    monkeypatch.setattr(gzip_members, "READ_BYTES", read_bytes)
    contents = [b"a", random.Random(1).randbytes(5 << 20), b"b" * 100]
    found, broken = members_of(b"".join(gzip.compress(content, 1, mtime=0) for content in contents))
    assert [content for _, content in found] == contents
    assert broken == []


def test_a_bomb_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_members, "MAX_MEMBER_BYTES", 8 << 20)
    raw = gzip.compress(b"a", mtime=0) + gzip.compress(bytes(16 << 20), mtime=0) + gzip.compress(b"b", mtime=0)
    found, broken = members_of(raw)
    assert [content for _, content in found] == [b"a", b"b"]
    assert broken == [len(gzip.compress(b"a", mtime=0))]


def test_what_is_no_gzip_is_one_damage() -> None:
    assert members_of(b"no gzip at all" * 1000) == ([], [0])
    assert members_of(b"") == ([], [])
