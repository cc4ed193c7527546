"""The XML of a dump file, or of a byte range of it, piece by piece: unpacked, and UTF-16 made UTF-8.

In: a ``.xml``, ``.bz2`` (one stream or many), ``.gz``, ``.xz`` or ``.zst`` file, by path or fsspec URL. Out: `Piece`
records in order, in bounded memory, and rejections of what is damaged.
"""

import codecs
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

import fsspec

from querygen.wiki.bzip2.blocks import BlockReader
from schemas.packed import BROKEN_DATA, FileTruncated, decompress, packing
from schemas.rejection import Rejection

READ_BYTES = 1024 * 1024
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Bytes of XML that follow on the last piece's, or a loss."""

    data: bytes
    position: int
    """Where it begins; see `querygen.wiki.page.Page.position`."""
    owned: bool
    """Whether it lies in the range read, not behind it."""
    is_block: bool = False
    """Whether it is a bzip2 block: whatever begins in it has its position."""
    is_loss: bool = False
    """Whether bytes are missing here: no page goes on over this place."""


class PieceReader:
    """The pieces of one file or of a range of it; iterate once."""

    def __init__(
        self,
        path: str,
        name: str,
        progress: Callable[[int], Any],
        reject: Callable[[Rejection], Any],
        *,
        start: int = 0,
        end: int | None = None,
        ahead_end: int | None = None,
    ) -> None:
        """`name` is what rejections call the file; `progress` is told the bytes of the range as they are read.

        `start`, `end`: the range in bytes of the file as it lies there, for plain XML and bzip2 only; `end` None is
        the end of the file. Blocks that begin behind `ahead_end` are decoded one by one.
        """
        self.num_bytes = 0
        """XML bytes of the range given out so far, uncompressed (UTF-16 as UTF-8)."""
        self.is_utf16 = False
        self.end_reported = False
        """Whether a rejection says that the end of the file is missing."""
        self._path = path
        self._name = name
        self._progress = progress
        self._reject = reject
        self._start = start
        self._end = end
        self._ahead_end = ahead_end

    def __iter__(self) -> Generator[Piece, None, None]:
        """Yield the pieces; packed data that cannot be read on is a rejection and the end."""
        try:
            yield from self._pieces()
        except FileTruncated as error:
            reason, value = "file_truncated", str(error)
        except BROKEN_DATA as error:
            reason, value = "file_unreadable", f"{type(error).__name__} after {self.num_bytes} bytes of XML"
        else:
            return
        self.end_reported = True
        self._reject(Rejection(reason, self._name, self.num_bytes, value))

    def _pieces(self) -> Iterator[Piece]:
        told = Told(self._progress, self._start, self._end)
        with fsspec.open(self._path, "rb") as raw:
            kind = packing(raw.read(6))
            raw.seek(self._start)
            if kind == "bz2":
                pieces = self._block_pieces(raw, told.add)
            elif self._start == 0 and self._end is None:
                pieces = self._stream_pieces(raw, told.add)
            elif kind == "plain":
                pieces = self._plain_pieces(raw, told.add)
            else:
                raise ValueError(f"{self._path}: only plain XML and bzip2 can be read in ranges, found {kind}")
            for piece in self._in_utf8(pieces):
                if piece.owned:
                    self.num_bytes += len(piece.data)
                yield piece
        told.finish()

    def _in_utf8(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        decoder: codecs.IncrementalDecoder | None = None
        for piece in pieces:
            if self._start == self.num_bytes == 0 and piece.data[:2] in _UTF16_MARKS:
                self.is_utf16 = True
                decoder = codecs.getincrementaldecoder("utf-16")("replace")
            if decoder is not None:
                position = piece.position if piece.is_block else self.num_bytes
                data = decoder.decode(piece.data).encode("utf-8", "replace")
                piece = replace(piece, data=data, position=position)
            yield piece

    def _stream_pieces(self, raw: IO[bytes], progress: Callable[[int], Any]) -> Iterator[Piece]:
        position = 0
        for data in decompress(raw, progress):
            yield Piece(data=data, position=position, owned=True)
            position += len(data)

    def _plain_pieces(self, raw: IO[bytes], progress: Callable[[int], Any]) -> Iterator[Piece]:
        position = self._start
        while True:
            owned = self._end is None or position < self._end
            wanted = READ_BYTES if self._end is None or not owned else min(READ_BYTES, self._end - position)
            data = raw.read(wanted)
            progress(len(data))
            if not data:
                return
            yield Piece(data=data, position=position, owned=owned)
            position += len(data)

    def _block_pieces(self, raw: IO[bytes], progress: Callable[[int], Any]) -> Iterator[Piece]:
        for block in BlockReader(raw, self._start, progress, self._ahead_end):
            owned = self._end is None or block.found_at < self._end
            if block.data is not None:
                yield Piece(data=block.data, position=block.position, owned=owned, is_block=True)
            elif block.cut_off:
                if owned:
                    self.end_reported = True
                    value = f"the packed data ends within a block, {block.num_packed_bytes} bytes of it"
                    self._reject(Rejection("file_truncated", self._name, block.position, value))
                return
            else:
                if owned:
                    value = f"{block.num_packed_bytes} packed bytes"
                    self._reject(Rejection("block_damaged", self._name, block.position, value))
                yield Piece(data=b"", position=block.position, owned=owned, is_block=True, is_loss=True)


class Told:
    """Passes on how many bytes of a range were read: never more than the range has, in the end all."""

    def __init__(self, progress: Callable[[int], Any], start: int, end: int | None) -> None:
        self._progress = progress
        self._left = None if end is None else end - start

    def add(self, num_bytes: int) -> None:
        if self._left is not None:
            num_bytes = min(num_bytes, self._left)
            self._left -= num_bytes
        self._progress(num_bytes)

    def finish(self) -> None:
        if self._left:
            self.add(self._left)
