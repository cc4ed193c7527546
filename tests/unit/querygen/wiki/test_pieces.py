"""Pieces of a file: all packings, ranges side by side, UTF-16, what is damaged, and what progress is told."""

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.wiki import pieces
from querygen.wiki.pieces import Piece, PieceReader, Told
from schemas.rejection import Rejection

XML = b"<mediawiki>" + b" ".join(b"%d" % (number * number) for number in range(4000)) + b"</mediawiki>"


class Read:
    """A file read to its end."""

    def __init__(self, path: Path, data: bytes | None = None, start: int = 0, end: int | None = None) -> None:
        if data is not None:
            path.write_bytes(data)
        self.told: list[int] = []
        self.rejections: list[Rejection] = []
        self.reader = PieceReader(str(path), path.name, self.told.append, self.rejections.append, start=start, end=end)
        self.pieces: list[Piece] = list(self.reader)

    def owned(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces if piece.owned)


def two_streams(data: bytes) -> bytes:
    return bz2.compress(data[:7000]) + bz2.compress(data[7000:])


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, two_streams])
def test_the_xml_of_any_packing(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(XML)
    found = Read(tmp_path / "d", packed)
    assert found.owned() == XML
    assert found.reader.num_bytes == len(XML)
    assert sum(found.told) == len(packed)
    assert found.rejections == []
    assert not found.reader.end_reported


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_ranges_of_plain_xml_side_by_side_own_each_byte_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(pieces, "READ_BYTES", size)
    xml = XML[:900]
    (tmp_path / "d").write_bytes(xml)
    bounds = [0, 1, 300, 301, 890, 900]
    for start, end in zip(bounds, [*bounds[1:], None], strict=True):
        found = Read(tmp_path / "d", start=start, end=end)
        assert found.owned() == xml[start:end]
        assert [piece.position for piece in found.pieces[:1]] == ([start] if start < len(xml) else [])
        assert b"".join(piece.data for piece in found.pieces) == xml[start:]  # it reads on behind the range
        for piece in found.pieces:
            assert xml[piece.position : piece.position + len(piece.data)] == piece.data
        assert sum(found.told) == (len(xml) if end is None else end) - start


def test_ranges_of_bzip2_own_the_blocks_that_begin_in_them(tmp_path: Path) -> None:
    parts = [random.Random(number).randbytes(3000) for number in range(4)]
    streams = [bz2.compress(part) for part in parts]
    path = tmp_path / "d"
    path.write_bytes(b"".join(streams))
    size, third = len(b"".join(streams)), len(b"".join(streams[:2]))
    for border, num_first in ((third + 4, 2), (third + 5, 3)):  # its magic stands behind the four bytes of its stream
        first, second = Read(path, start=0, end=border), Read(path, start=border, end=size)
        assert first.owned() == b"".join(parts[:num_first])
        assert second.owned() == b"".join(parts[num_first:])
        assert all(piece.is_block for piece in first.pieces)
        assert [sum(read.told) for read in (first, second)] == [border, size - border]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_other_packings_have_no_ranges(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="only plain XML and bzip2 can be read in ranges, found"):
        Read(tmp_path / "d", pack(XML), start=5)


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_utf16_is_given_as_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str, size: int) -> None:
    text = "<page>\u00e9 \U0001f600 \u4f60</page>" * 20
    monkeypatch.setattr("schemas.packed.READ_BYTES", max(size, 2))  # a mark lies in one piece
    for pack in (bytes, bz2.compress):
        found = Read(tmp_path / "d", pack(("\ufeff" + text).encode(mark)))
        assert found.owned() == text.encode()
        assert found.reader.is_utf16
        assert found.reader.num_bytes == len(text.encode())


def test_packed_data_that_is_cut_off_or_broken_is_a_rejection_and_the_end(tmp_path: Path) -> None:
    packed = gzip.compress(XML, mtime=0)
    cut = Read(tmp_path / "d", packed[:-2000])
    assert XML.startswith(cut.owned())
    (rejection,) = cut.rejections
    assert rejection[:3] == ("file_truncated", "d", len(cut.owned()))
    assert cut.reader.end_reported
    broken = Read(tmp_path / "d", packed + packed[:10] + b"\xff" * 100)
    assert [row.reason for row in broken.rejections] == ["file_unreadable"]
    assert broken.owned() == XML


def test_a_damaged_block_is_a_loss_and_what_follows_is_read(tmp_path: Path) -> None:
    streams = [bytearray(bz2.compress(XML[begin : begin + 6000])) for begin in range(0, 18_000, 6000)]
    streams[1][300:320] = bytes(20)
    found = Read(tmp_path / "d", b"".join(map(bytes, streams)))
    assert [piece.is_loss for piece in found.pieces] == [False, True, False]
    assert found.owned() == XML[:6000] + XML[12_000:18_000]
    (rejection,) = found.rejections
    assert rejection[:3] == ("block_damaged", "d", len(streams[0]) + 4)
    cut = Read(tmp_path / "d", bytes(streams[0]) + bytes(streams[2][:-200]))
    assert [row.reason for row in cut.rejections] == ["file_truncated"]
    assert cut.reader.end_reported


@given(st.lists(st.integers(0, 50), max_size=10), st.integers(0, 100))
def test_no_more_is_told_than_a_range_has_and_in_the_end_all(reads: list[int], size: int) -> None:
    told: list[int] = []
    passed = Told(told.append, 7, 7 + size)
    for num_bytes in reads:
        passed.add(num_bytes)
        assert sum(told) == min(size, sum(reads[: len(told)]))
    passed.finish()
    assert sum(told) == size
    to_the_end: list[int] = []
    passed = Told(to_the_end.append, 7, None)
    for num_bytes in reads:
        passed.add(num_bytes)
    passed.finish()
    assert to_the_end == reads
