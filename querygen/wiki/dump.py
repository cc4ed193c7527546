"""Read the pages of a MediaWiki XML dump, or of a byte range of it, in order and in bounded memory.

In: a ``.xml``, ``.bz2`` (one stream or many), ``.gz``, ``.xz`` or ``.zst`` file, by path or fsspec URL. Out: `Page`
records, the `SiteInfo` of the header, and rejections. A dump escapes every ``<`` of its text, so ``<page>`` and
``</page>`` are found as bytes:

    unit 1 ............................| unit 2 ....................................
    </page> <page> a </page> <page> b ...... </page> <page> c </page> <page> d </page>
            unit 1's first   unit 1's last           unit 2's first
"""

import codecs
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import IO, Any

import fsspec

from querygen.wiki.bzip2.blocks import BlockReader
from querygen.wiki.page import (
    MAX_PAGE_BYTES,
    Page,
    SiteInfo,
    parse_page,
    plain_title,
    read_site_info,
    unescape,
)
from schemas.packed import BROKEN_DATA, FileTruncated, decompress, packing
from schemas.rejection import MAX_VALUE_BYTES, Rejection

__all__ = [
    "BROKEN_DATA", "DumpFile", "FileTruncated", "Page", "SiteInfo", "decompress", "parse_page",
    "plain_title", "read_header", "read_site_info", "unescape",
]  # fmt: skip

READ_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 1024 * 1024
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Bytes of XML that follow on the last piece's, or a loss."""

    data: bytes
    position: int
    """Where it begins; see `Page.position`."""
    owned: bool
    """Whether it lies in the range read, not behind it."""
    is_loss: bool = False
    """Whether bytes are missing here: no page goes on over this place."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What stands before the first page of a file."""

    site: SiteInfo = field(default_factory=SiteInfo)
    is_utf16: bool = False
    is_enclosed: bool = True
    """Whether there is ``<mediawiki>``, so that its end must be there: bare pages, as an index cuts them out of a
    multistream dump, are a whole file where the last is whole."""


class DumpFile:
    """The pages of one dump file or of a range of it; iterate once.

    The pages of a range are those whose ``<page>`` begins in it; the last is read to its end. A page ends at the next
    ``</page>``; one that another ``<page>``, a loss or `MAX_PAGE_BYTES` cuts is a rejection. `site`, `rejections` and
    `num_bytes` fill as it is read.
    """

    def __init__(
        self,
        path: str,
        name: str,
        progress: Callable[[int], Any] = lambda num_bytes: None,
        *,
        start: int = 0,
        end: int | None = None,
        header: Header | None = None,
    ) -> None:
        """`name` is what rejections call the file; `progress` is told the bytes of the range as they are read.

        `start`, `end`: the range in bytes of the file as it lies there, for plain XML and bzip2 only; `end` None is
        the end of the file, where ``</mediawiki>`` must be, if there is ``<mediawiki>``. `header` spares reading it.
        """
        self.path = path
        self.name = name
        self._header = header
        self.site = header.site if header else SiteInfo()
        self.rejections: list[Rejection] = []
        self.num_bytes = 0
        """XML bytes of the range seen so far, uncompressed (UTF-16 as UTF-8)."""
        self.is_utf16 = False
        self._start = start
        self._end = end
        self._ahead_end = end  # blocks behind it are decoded one by one
        self._progress = progress
        self._end_reported = False  # a rejection says that the end of the file is missing

    def __iter__(self) -> Iterator[Page]:
        if self._header is None:
            self._header = read_header(self.path)
            self.site = self._header.site
        for position, raw in self._raw_pages():
            page = parse_page(raw, position)
            if page is None:
                self._reject_page(position, raw)
            else:
                yield page

    def _raw_pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield (position, bytes between ``<page>`` and ``</page>``).

        Every byte is looked at once and copied twice, however the pieces are cut.
        """
        buffer = bytearray()
        base = 0  # offset of buffer[0] in the XML of the range
        scanned = 0  # tags that end in buffer[:scanned] are done
        opening, position = -1, 0  # of the page that is open, -1: none
        closed = False  # </mediawiki> stands behind the last page, or of bare pages nothing does
        is_bare = self._header is not None and not self._header.is_enclosed
        places: deque[tuple[int, Piece]] = deque()  # (offset of its first byte, piece) of what buffer holds
        range_end: int | None = None
        for piece in self._pieces_until_damage():
            if piece.is_loss:
                if opening >= 0:
                    self._reject_page(position, buffer[opening + 6 :])
                if not piece.owned:
                    return
                base += len(buffer)
                buffer.clear()
                places.clear()
                scanned, opening = 0, -1
                continue
            if piece.owned:
                self.num_bytes += len(piece.data)
            elif range_end is None:
                range_end = base + len(buffer)
            places.append((base + len(buffer), piece))
            unseen = len(buffer)
            buffer += piece.data
            behind_tag = 0
            while (found := buffer.find(b"page>", scanned)) >= 0:
                scanned = found + 5
                if found >= 1 and buffer[found - 1] == 60:  # <page>
                    if opening >= 0:
                        self._reject_page(position, buffer[opening + 6 : found - 1])
                    opening, closed = found - 1, False
                    while len(places) > 1 and places[1][0] <= base + opening:
                        places.popleft()
                    offset, begun_in = places[0]
                    if not begun_in.owned:
                        return
                    position = begun_in.position + (0 if self._is_blocks else base + opening - offset)
                elif found >= 2 and buffer[found - 2] == 60 and buffer[found - 1] == 47:  # </page>
                    behind_tag, closed = scanned, is_bare
                    if opening < 0:
                        continue
                    raw = bytes(buffer[opening + 6 : found - 2])
                    opening = -1
                    if len(raw) > MAX_PAGE_BYTES:
                        self._reject_page(position, raw)
                    else:
                        yield position, raw
            if opening >= 0 and len(buffer) - opening > MAX_PAGE_BYTES + 16:  # longer, even if its end has begun
                self._reject_page(position, buffer[opening + 6 :])
                opening = -1
            if opening < 0:
                if is_bare and buffer[behind_tag or unseen :].strip():
                    closed = False
                closed = closed or buffer.find(b"</mediawiki>", behind_tag) >= 0
                if range_end is not None and base + len(buffer) >= range_end + 5:
                    return  # no <page> is cut by the end of the range
            scanned = max(scanned, len(buffer) - 6)
            cut = opening if opening >= 0 else max(0, len(buffer) - 16)
            del buffer[:cut]
            base, scanned, opening = base + cut, scanned - cut, min(opening, 0)
            while len(places) > 1 and places[1][0] <= base:
                places.popleft()
        if opening >= 0 and buffer.find(b"</mediawiki>", opening) >= 0:
            self._reject_page(position, buffer[opening + 6 :])
            closed = True
        if self._end is None and not closed and not self._end_reported:
            if opening < 0:
                offset, last = places[-1] if places else (base, None)
                position = self._start if last is None else last.position
                position += 0 if self._is_blocks else base + len(buffer) - offset
            value = "the last page has no end" if is_bare else "no </mediawiki> at the end"
            self.rejections.append(Rejection("file_truncated", self.name, position, value))

    def _reject_page(self, position: int, raw: bytes | bytearray) -> None:
        self.rejections.append(Rejection("page_malformed", self.name, position, bytes(raw[:MAX_VALUE_BYTES])))

    def _pieces_until_damage(self) -> Generator[Piece, None, None]:
        """Yield the pieces; packed data that cannot be read on is a rejection and the end."""
        try:
            yield from self._pieces()
        except FileTruncated as error:
            reason, value = "file_truncated", str(error)
        except BROKEN_DATA as error:
            reason, value = "file_unreadable", f"{type(error).__name__} after {self.num_bytes} bytes of XML"
        else:
            return
        self._end_reported = True
        self.rejections.append(Rejection(reason, self.name, self.num_bytes, value))

    def _pieces(self) -> Iterator[Piece]:
        told = Told(self._progress, self._start, self._end)
        with fsspec.open(self.path, "rb") as raw:
            kind = packing(raw.read(6))
            raw.seek(self._start)
            self._is_blocks = kind == "bz2"
            if kind == "bz2":
                pieces = self._block_pieces(raw, told.add)
            elif self._start == 0 and self._end is None:
                pieces = self._stream_pieces(raw, told.add)
            elif kind == "plain":
                pieces = self._plain_pieces(raw, told.add)
            else:
                raise ValueError(f"{self.path}: only plain XML and bzip2 can be read in ranges, found {kind}")
            decoder: codecs.IncrementalDecoder | None = None
            for piece in pieces:
                if self._start == self.num_bytes == 0 and piece.data[:2] in _UTF16_MARKS:
                    self.is_utf16 = True
                    decoder = codecs.getincrementaldecoder("utf-16")("replace")
                if decoder is not None:
                    position = piece.position if self._is_blocks else self.num_bytes
                    data = decoder.decode(piece.data).encode("utf-8", "replace")
                    piece = replace(piece, data=data, position=position)
                yield piece
        told.finish()

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
                yield Piece(data=block.data, position=block.position, owned=owned)
            elif block.cut_off:
                if owned:
                    self._end_reported = True
                    value = f"the packed data ends within a block, {block.num_packed_bytes} bytes of it"
                    self.rejections.append(Rejection("file_truncated", self.name, block.position, value))
                return
            else:
                if owned:
                    value = f"{block.num_packed_bytes} packed bytes"
                    self.rejections.append(Rejection("block_damaged", self.name, block.position, value))
                yield Piece(data=b"", position=block.position, owned=owned, is_loss=True)


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


def read_header(path: str) -> Header:
    """Return what the header of a dump file says, defaults where it cannot be read."""
    header = b""
    file = DumpFile(path, path, header=Header())
    file._ahead_end = 0
    with closing(file._pieces_until_damage()) as pieces:
        for piece in pieces:
            header += piece.data
            if b"<page>" in header or len(header) > MAX_HEADER_BYTES:
                break
    header, page, _ = header.partition(b"<page>")
    is_enclosed = not page or b"<mediawiki" in header
    return Header(site=read_site_info(header), is_utf16=file.is_utf16, is_enclosed=is_enclosed)
