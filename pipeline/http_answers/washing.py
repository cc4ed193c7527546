"""One live HTTP answer made clean: what is odd in it is gone before a strict parser sees it.

In: the bytes of an answer as they come from a connection, and its end. Out: the bytes of an answer that says the same
without a flaw: the fields that are read, one length or chunks or neither, nothing behind the body.

    HTTP/1.0 200 LF                      HTTP/1.1 200 OK CRLF
    X Bad Name: 1 LF                     Content-Encoding: gzip CRLF
    Content-Encoding: gzip LF      ->    Content-Length: 4 CRLF
    Content-Length: 4, 4 LF LF           Connection: close CRLF CRLF
    bodysurplus                          body
"""

import re
from collections.abc import Collection

from pipeline.http_answers.chunks import Dechunker, is_chunked
from pipeline.http_answers.head import MAX_HEAD_BYTES, PROTOCOLS, Head, MalformedAnswer, NoHttp, head_end, read_head

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_WHITE_SPACE = re.compile(rb"[ \t\r\n]*")
_WITHOUT_BODY = (204, 304)
_HEAD, _FIRST_CHUNK, _BODY = range(3)
"""What is awaited."""


class Washer:
    """Washes one answer. Interim ones (100, 103) before it are passed over."""

    def __init__(self, fields: Collection[str]) -> None:
        """`fields` (names in lower case) are handed on, beside what frames the body."""
        self.is_begun = False
        """A byte has come."""
        self.keeps_alive = True
        """Another answer may follow on the connection. To be asked after each `feed`, before its bytes are used."""
        self._fields = fields
        self._awaited = _HEAD
        self._held = bytearray()  # too little to go on with
        self._searched = 0  # of it, for the end of the head
        self._passed = 0  # bytes before the head
        self._head = Head(None, (1, 0), {}, None)
        self._left: int | None = None  # of the body; None: unknown
        self._chunks: Dechunker | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the next bytes of the clean answer. Raises `MalformedAnswer`."""
        if self._awaited == _BODY:
            return self._body(data)
        self.is_begun = True
        rest: bytes | bytearray = data
        if self._held:
            self._held += data
            rest = self._held
        if self._awaited == _HEAD:
            behind = self._take_heads(rest)
            if behind is None:
                return b""
            rest = behind
        is_body_chunked = False
        if self._awaited == _FIRST_CHUNK:
            found = is_chunked(rest)
            if found is None:
                self._held = bytearray(rest)
                return b""
            is_body_chunked = found
        body = bytes(rest)
        self._held.clear()
        return self._clean_head(is_body_chunked) + self._body(body)

    def finish(self) -> bytes:
        """Return what the clean answer lacks when the connection ends. Raises `MalformedAnswer` within a head.

        A body that is cut stays so: the parser will tell.
        """
        if self._awaited == _HEAD and self.is_begun:
            raise MalformedAnswer("the answer ends within its head")
        if self._awaited == _FIRST_CHUNK:
            return self._clean_head(True)
        if self._chunks is not None and self._chunks.is_last and not self._chunks.is_done:
            return b"0\r\n\r\n"
        return b""

    def _take_heads(self, data: bytes | bytearray) -> bytes | bytearray | None:
        """Read the head and return what stands behind it, None when not all of it is there."""
        while True:
            found = _WHITE_SPACE.match(data)
            assert found is not None
            begin = found.end()
            if not any(data[begin : begin + len(name)].upper() == name[: len(data) - begin] for name in PROTOCOLS):
                raise NoHttp("the answer does not begin with HTTP")
            end = head_end(data, max(begin, self._searched))
            if self._passed + (len(data) if end < 0 else end) > MAX_HEAD_BYTES:
                raise MalformedAnswer(f"the head is longer than {MAX_HEAD_BYTES:,} bytes")
            if end < 0:
                self._searched = max(0, len(data) - 8)
                if data is not self._held:
                    self._held = bytearray(data)
                return None
            head = read_head(bytes(data[begin:end]))
            data = data[end:]
            self._searched = 0
            if head.status is None or head.status < 100 or head.status == 101 or head.flaw:
                raise MalformedAnswer(head.flaw or "no status line that answers the request")
            if head.status >= 200:
                self._head = head
                chunked = head.status not in _WITHOUT_BODY and "chunked" in head.listed("transfer-encoding")
                self._awaited = _FIRST_CHUNK if chunked else _BODY
                return data
            self._passed += end

    def _clean_head(self, is_body_chunked: bool) -> bytes:
        """Decide how the body is framed; return the head."""
        head = self._head
        self._awaited = _BODY
        lines = [f"HTTP/1.1 {head.status} OK"]
        for name in self._fields:
            if name in head.fields:
                lines += [f"{name}: {_CONTROLS.sub(' ', value)}" for value in head.fields[name]]
        applied = [item for item in head.listed("transfer-encoding") if item not in ("chunked", "identity")]
        if applied:  # undone with the content codings, as it came after them
            lines.append(f"content-encoding: {_CONTROLS.sub(' ', ','.join(applied))}")
        connection = head.listed("connection")
        self.keeps_alive = "close" not in connection and (head.version >= (1, 1) or "keep-alive" in connection)
        if head.status in _WITHOUT_BODY:
            self._left = 0
        elif is_body_chunked:
            self._chunks = Dechunker()
            lines.append("transfer-encoding: chunked")
        else:
            self._left = head.length()
            if self._left is None:
                self.keeps_alive = False
            else:
                lines.append(f"content-length: {self._left}")
        if not self.keeps_alive:
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _body(self, data: bytes) -> bytes:
        if self._chunks is not None:
            return self._rechunked(data)
        if self._left is None:
            return data
        if len(data) > self._left:  # where the next answer would be
            self.keeps_alive = False
            data = data[: self._left]
        self._left -= len(data)
        return data

    def _rechunked(self, data: bytes) -> bytes:
        chunks = self._chunks
        assert chunks is not None
        was_done = chunks.is_done
        held = chunks.feed(data)
        if chunks.is_broken:
            raise MalformedAnswer("no chunk begins where one should")
        if chunks.rest or was_done:
            self.keeps_alive = False
        clean = b"%x\r\n%b\r\n" % (len(held), held) if held else b""
        return clean + b"0\r\n\r\n" if chunks.is_done and not was_done else clean
