"""Read the pages of a MediaWiki XML dump, or of a byte range of it, in order and in bounded memory.

In: a ``.xml``, ``.bz2`` (one stream or many), ``.gz``, ``.xz`` or ``.zst`` file, by path or fsspec URL. Out: `Page`
records, the `SiteInfo` of the header, and rejections. A dump escapes every ``<`` of its text, so ``<page>`` and
``</page>`` are found as bytes:

    unit 1 ............................| unit 2 ....................................
    </page> <page> a </page> <page> b ...... </page> <page> c </page> <page> d </page>
            unit 1's first   unit 1's last           unit 2's first
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from querygen.wiki.page import Page, SiteInfo, parse_page, plain_title, read_site_info, unescape
from querygen.wiki.page_cuts import PageCuts
from querygen.wiki.pieces import PieceReader
from schemas.packed import BROKEN_DATA, FileTruncated, decompress
from schemas.rejection import MAX_VALUE_BYTES, Rejection

__all__ = [
    "BROKEN_DATA", "DumpFile", "FileTruncated", "Page", "SiteInfo", "decompress", "parse_page",
    "plain_title", "read_header", "read_site_info", "unescape",
]  # fmt: skip

MAX_HEADER_BYTES = 1024 * 1024


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

    The pages of a range are those whose ``<page>`` begins in it; the last is read to its end. `site`, `rejections` and
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
        self._start = start
        self._end = end
        self._progress = progress

    def __iter__(self) -> Iterator[Page]:
        if self._header is None:
            self._header = read_header(self.path)
            self.site = self._header.site
        for position, raw in self._raw_pages(is_bare=not self._header.is_enclosed):
            page = parse_page(raw, position)
            if page is None:
                self._reject_page(position, raw)
            else:
                yield page

    def _raw_pages(self, *, is_bare: bool) -> Iterator[tuple[int, bytes]]:
        """Yield (position, bytes between ``<page>`` and ``</page>``)."""
        pieces = PieceReader(
            self.path, self.name, self._progress, self.rejections.append,
            start=self._start, end=self._end, ahead_end=self._end,
        )  # fmt: skip
        cuts = PageCuts(self._reject_page, is_bare=is_bare)
        for piece in pieces:
            self.num_bytes = pieces.num_bytes
            yield from cuts.add(piece)
            if cuts.is_done:
                return
        position = cuts.truncated_at(self._start)
        if position is not None and self._end is None and not pieces.end_reported:
            value = "the last page has no end" if is_bare else "no </mediawiki> at the end"
            self.rejections.append(Rejection("file_truncated", self.name, position, value))

    def _reject_page(self, position: int, raw: bytes) -> None:
        self.rejections.append(Rejection("page_malformed", self.name, position, raw[:MAX_VALUE_BYTES]))


def read_header(path: str) -> Header:
    """Return what the header of a dump file says, defaults where it cannot be read."""
    header = b""
    reader = PieceReader(path, path, lambda num_bytes: None, lambda rejection: None, ahead_end=0)
    with closing(iter(reader)) as pieces:
        for piece in pieces:
            header += piece.data
            if b"<page>" in header or len(header) > MAX_HEADER_BYTES:
                break
    header, page, _ = header.partition(b"<page>")
    is_enclosed = not page or b"<mediawiki" in header
    return Header(site=read_site_info(header), is_utf16=reader.is_utf16, is_enclosed=is_enclosed)
