"""Chunked bodies: the framing of ``Transfer-Encoding: chunked`` taken off, or told to be none.

In: a body, whole or piece by piece. Out: what its chunks hold.

    size [;extension] CRLF  data CRLF  ...  0 CRLF  [trailers] CRLF        CRLF may be LF
"""

import re

_SIZE_LINE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;[^\n]*)?\r*\n")
_PERHAPS_A_SIZE_LINE = re.compile(rb"[ \t]*[0-9a-fA-F]{0,16}[ \t]*(?:;[^\n]*)?\r*\Z")
_MAX_LINE_BYTES = 16 << 10
_MAX_TRAILER_BYTES = 256 << 10


def is_chunked(body: bytes | bytearray) -> bool | None:
    """Tell whether `body` begins with the size of a chunk, None when more bytes would tell.

    Crawlers store bodies without chunks under a head that tells of them, and servers send such.
    """
    if _SIZE_LINE.match(body):
        return True
    if len(body) < _MAX_LINE_BYTES and _PERHAPS_A_SIZE_LINE.match(body):
        return None
    return False


class Dechunker:
    """Takes the chunks off a body that comes in pieces."""

    def __init__(self) -> None:
        self.is_last = False
        """The chunk of size 0 has come: nothing but trailers follows."""
        self.is_done = False
        """The trailers have come too; what follows, or what stands where the size of a chunk should, is `rest`."""
        self.is_broken = False
        self.rest = b""
        self.num_sizes = 0
        self._line = b""  # begin of a line whose end has not come
        self._left = 0  # bytes of the chunk that are still to come
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Return what the chunks in `data` hold, the next piece of the body."""
        parts: list[bytes] = []
        position = 0
        while position < len(data) and not self.is_done and not self.is_broken:
            if self._left:
                part = data[position : position + self._left]
                parts.append(part)
                position += len(part)
                self._left -= len(part)
                continue
            end = data.find(b"\n", position) + 1
            line = self._line + data[position : end or len(data)]
            position = end or len(data)
            if not end and len(line) <= _MAX_LINE_BYTES:
                self._line = line
                break
            self._line = b""
            self._take_line(line)
        if self.is_done or self.is_broken:
            self.rest += data[position:]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> None:
        """Say that the body has ended: a line that was begun is none."""
        if self._line.strip() and not self.is_last and not _PERHAPS_A_SIZE_LINE.match(self._line):
            self.is_broken, self.rest = True, self._line

    def _take_line(self, line: bytes) -> None:
        if self.is_last:
            self._trailer_bytes += len(line)
            self.is_done = not line.strip() or self._trailer_bytes > _MAX_TRAILER_BYTES
            return
        if self.num_sizes and not line.strip():  # the line end behind a chunk
            return
        found = _SIZE_LINE.fullmatch(line)
        if found is None:
            self.is_broken, self.rest = True, line
            return
        self.num_sizes += 1
        self._left = int(found.group(1), 16)
        self.is_last = not self._left


def without_chunks(body: bytes) -> tuple[bytes, bool]:
    """Return (what the chunks of the whole `body` hold, whether it ends early); `body` itself when it has none.

    Where no chunk begins any more, the rest is taken as it stands.
    """
    if not is_chunked(body):
        return body, False
    reader = Dechunker()
    held = reader.feed(body)
    reader.finish()
    if not reader.is_broken:
        return held, not reader.is_last
    return (body if reader.num_sizes < 2 else held + reader.rest), False
