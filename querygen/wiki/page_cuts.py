"""Cut the pages out of the XML of a dump: `Piece` records in, the bytes between ``<page>`` and ``</page>`` out.

Every byte is looked at once and copied twice, however the pieces are cut: bytes are let go of where no page is open.

    piece ............. | piece ................ | piece .........
    ... </page> <page> a </page> <page> b ............ </page> ...
                ^ open   ^ yielded     ^ open, kept over the pieces
"""

from collections import deque
from collections.abc import Callable, Iterator

from querygen.wiki.page import MAX_PAGE_BYTES
from querygen.wiki.pieces import Piece

_TAG, _OPENING, _CLOSING, _END = b"page>", b"<page>", b"</page>", b"</mediawiki>"
_KEPT_BYTES = 16
"""Bytes kept where no page is open: more than the longest tag that the end of a piece may cut."""


class PageCuts:
    """The pages of pieces that are added one after the other, in memory of a page.

    A page ends at the next ``</page>``; one that another ``<page>``, a loss or `MAX_PAGE_BYTES` cuts is rejected.
    """

    def __init__(self, reject: Callable[[int, bytes], None], *, is_bare: bool) -> None:
        """`reject` is told position and bytes of a page that is cut; `is_bare`: there is no ``<mediawiki>`` around."""
        self.is_done = False
        """Whether no page of the range is left, whatever follows."""
        self._reject = reject
        self._is_bare = is_bare
        self._buffer = bytearray()
        self._base = 0  # offset of buffer[0] in the XML of the range
        self._scanned = 0  # tags that end in buffer[:scanned] are done
        self._opening, self._position = -1, 0  # of the page that is open, -1: none
        self._closed = False  # </mediawiki> stands behind the last page, or of bare pages nothing does
        self._places: deque[tuple[int, Piece]] = deque()  # (offset of its first byte, piece) of what buffer holds
        self._range_end: int | None = None

    def add(self, piece: Piece) -> Iterator[tuple[int, bytes]]:
        """Yield (position, bytes) of the pages that end in `piece`."""
        if piece.is_loss:
            self._lose(piece)
            return
        buffer = self._buffer
        unseen = len(buffer)
        if not piece.owned and self._range_end is None:
            self._range_end = self._base + unseen
        self._places.append((self._base + unseen, piece))
        buffer += piece.data
        behind_tag = 0
        while (found := buffer.find(_TAG, self._scanned)) >= 0:
            self._scanned = found + len(_TAG)
            if found >= 1 and buffer.startswith(_OPENING, found - 1):
                self._open(found - 1)
                if self.is_done:
                    return
            elif found >= 2 and buffer.startswith(_CLOSING, found - 2):
                behind_tag, self._closed = self._scanned, self._is_bare
                if self._opening < 0:
                    continue
                raw = self._take_open(found - 2)
                if len(raw) > MAX_PAGE_BYTES:
                    self._reject(self._position, raw)
                else:
                    yield self._position, raw
        if (
            self._opening >= 0 and len(buffer) - self._opening > MAX_PAGE_BYTES + 16
        ):  # longer, even if its end has begun
            self._reject(self._position, self._take_open(len(buffer)))
        if self._opening < 0:
            self._look_behind_pages(unseen, behind_tag)
        if not self.is_done:
            self._let_go()

    def _lose(self, piece: Piece) -> None:
        if self._opening >= 0:
            self._reject(self._position, self._take_open(len(self._buffer)))
        self.is_done = not piece.owned
        self._base += len(self._buffer)
        self._buffer.clear()
        self._places.clear()
        self._scanned = 0

    def _open(self, opening: int) -> None:
        """Begin the page whose ``<page>`` is at `opening`; one of the next range ends this one."""
        if self._opening >= 0:
            self._reject(self._position, self._take_open(opening))
        self._opening, self._closed = opening, False
        self._forget_pieces(self._base + opening)
        offset, piece = self._places[0]
        self.is_done = not piece.owned
        self._position = piece.position + (0 if piece.is_block else self._base + opening - offset)

    def _take_open(self, end: int) -> bytes:
        """Return the bytes of the open page up to `end` of the buffer; it is open no more."""
        raw = bytes(self._buffer[self._opening + len(_OPENING) : end])
        self._opening = -1
        return raw

    def _look_behind_pages(self, unseen: int, behind_tag: int) -> None:
        """Look for the end of the file, or of the range, where no page is open."""
        buffer = self._buffer
        if self._is_bare and buffer[behind_tag or unseen :].strip():
            self._closed = False
        self._closed = self._closed or buffer.find(_END, behind_tag) >= 0
        if self._range_end is not None:  # no <page> is cut by the end of the range
            self.is_done = self._base + len(buffer) >= self._range_end + len(_OPENING) - 1

    def _let_go(self) -> None:
        """Forget all bytes that no page and no tag can need."""
        size = len(self._buffer)
        cut = self._opening if self._opening >= 0 else max(0, size - _KEPT_BYTES)
        self._scanned = max(self._scanned, size - len(_OPENING)) - cut
        del self._buffer[:cut]
        self._base += cut
        self._opening = min(self._opening, 0)
        self._forget_pieces(self._base)

    def _forget_pieces(self, offset: int) -> None:
        """Forget the pieces that end before `offset`."""
        while len(self._places) > 1 and self._places[1][0] <= offset:
            self._places.popleft()

    def truncated_at(self, start: int) -> int | None:
        """Return where the file was cut off, None when it ends as it should; reject what is open before its end.

        `start` is where nothing was read.
        """
        if self._opening >= 0 and self._buffer.find(_END, self._opening) >= 0:
            self._reject(self._position, self._take_open(len(self._buffer)))
            self._closed = True
        if self._closed:
            return None
        if self._opening >= 0:
            return self._position
        if not self._places:
            return start
        offset, piece = self._places[-1]
        return piece.position + (0 if piece.is_block else self._base + len(self._buffer) - offset)
