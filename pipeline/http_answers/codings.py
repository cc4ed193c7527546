"""Content codings (gzip, deflate, br, zstd) undone, in bounded memory, as far as they hold.

In: a body and what its head says of it. Out: `Decoded`. Heads are often wrong: crawlers store bodies unpacked under
the head that came with them, servers declare what they do not do. A coding that does not hold is none, unless
another one holds in its place, and so is a name that nobody knows (``none``, ``identity``, ``UTF-8``): the body is
taken as it stands.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_KNOWN = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
_UNMARKED = {"br": ("br",), "deflate": ("zlib", "raw")}
"""What a name stands for that bears no mark; ``raw`` is without zlib's header, as Microsoft's servers had it."""
MAX_CODINGS = 8
"""More in one head are none: nobody packs a page so often, a bomb does."""

_PIECE_BYTES = 64 << 10
_CAREFUL_BYTES = 256
_ADLER_BYTES = 4
"""Pieces once a damage is known: what comes before it in one is lost."""
_SNIFFED_BYTES = 1445
"""The MIME Sniffing standard's "resource header"."""
_TEXT_BYTES = bytes(byte for byte in range(256) if byte > 0x1F or byte in b"\t\n\x0c\r\x1b")
"""All but the standard's "binary data bytes"."""
TAG = re.compile(rb"<(?:[a-z][a-z0-9]*[\s/>]|!doctype\s|!--)", re.IGNORECASE)
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Decoded:
    """A body with its codings undone."""

    data: bytes
    """At most as much as was asked for."""
    is_cut: bool = False
    """A coding ends early: `data` is what came until then."""
    is_too_large: bool = False
    """There is more than was asked for."""
    holds: bool = True
    """Every coding that the head tells of, and is known, was there."""


def decoded(body: bytes, codings: Sequence[str], max_bytes: int) -> Decoded:
    """Undo `codings` (names in lower case, as applied: the last is undone first) to at most `max_bytes`.

    Where the last one does not hold another one may: the order is often wrong too.
    """
    left = [name for name in codings if name in _KNOWN]
    if len(left) > MAX_CODINGS:
        left = []
    is_cut = False
    while left and body and not is_plain(body):
        tried = _in_order(left, body)
        number, found = next(
            ((number, found) for number in tried if (found := _undone(body, left[number], max_bytes)) is not None),
            (0, None),
        )
        if found is None:
            return Decoded(body, is_cut, holds=False)
        del left[number]
        if found.is_too_large:
            return found
        body, is_cut = found.data, is_cut or found.is_cut
    return Decoded(body, is_cut)


def _in_order(codings: list[str], body: bytes) -> list[int]:
    """Return the places of `codings` as they are tried: those whose mark `body` bears, then the last ones first."""
    mark = "gzip" if body.startswith(GZIP_MAGIC) else "zstd" if body.startswith(_ZSTD_MAGIC) else ""
    return sorted(range(len(codings)), key=lambda number: (codings[number].removeprefix("x-") != mark, -number))


def is_binary(body: bytes) -> bool:
    """Tell that `body` is no text, by the MIME Sniffing standard, 7.1: binary data bytes without a mark before them."""
    has_mark = body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
    return not has_mark and num_binary_bytes(body[:_SNIFFED_BYTES]) > 0


def num_binary_bytes(body: bytes) -> int:
    """Return how many of the bytes are the standard's "binary data bytes"."""
    return len(body.translate(None, _TEXT_BYTES))


def is_plain(body: bytes) -> bool:
    """Tell a body that is what it should become, an image or markup: no coding gives bytes that begin so."""
    if body.startswith(_IMAGES) or body[4:8] == b"ftyp" or (body[:4] == b"RIFF" and body[8:12] == b"WEBP"):
        return True
    return body[:_SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" and not is_binary(body)


def _undone(body: bytes, name: str, max_bytes: int) -> Decoded | None:
    """Return `body` with the coding `name` undone, or with the one that it bears instead; None when none holds."""
    if body.startswith(GZIP_MAGIC):
        return _unpacked_gzip(body, max_bytes)
    if body.startswith(_ZSTD_MAGIC):
        return _unpacked_stream(body, "zstd", max_bytes)
    told = _UNMARKED.get(name, ("zlib",))
    for tried in (*told, *(other for other in ("zlib", "br", "raw") if other not in told)):
        found = _if_likely(_unmarked(body, tried, max_bytes), body, is_told=tried in told)
        if found is not None:
            return found
    return None


def _unmarked(body: bytes, name: str, max_bytes: int) -> Decoded | None:
    """Return `body` with a coding undone that has no mark of its own, or next to none."""
    if name == "br":
        return _unpacked_stream(body, "brotli", max_bytes)
    if name == "raw":
        return _unpacked_deflate(body, 0, max_bytes)
    has_header = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _unpacked_deflate(body, 2, max_bytes) if has_header else None


def _if_likely(found: Decoded | None, body: bytes, is_told: bool) -> Decoded | None:
    """Return what a coding without a mark of its own gave: anything may look like br or deflate for a while.

    When the head tells of another one, what comes out must be something, too.
    """
    if found is None:
        return None
    is_whole = not found.is_cut and found.holds
    if is_whole and is_told:
        return found
    is_something = is_plain(found.data) or found.data.startswith((GZIP_MAGIC, _ZSTD_MAGIC))
    if is_whole and found.data and not body.isascii():
        is_something = is_something or not is_binary(found.data) or TAG.search(found.data) is not None
        return found if is_something else None
    return found if is_something and is_binary(body) else None


def _unpacked_gzip(body: bytes, max_bytes: int) -> Decoded | None:
    """Return the members of `body` one after the other. Their check sums, and what stands behind them, are not read."""
    parts: list[bytes] = []
    size = at = 0
    is_cut = False
    while body[at : at + 3] == GZIP_MAGIC and not is_cut:
        stream = _Deflate(body, _end_of_gzip_header(body, at), max_bytes - size)
        if not parts and stream.is_damaged and not stream.data:
            return None
        parts.append(stream.data)
        size += len(stream.data)
        if size > max_bytes:
            return Decoded(b"".join(parts)[:max_bytes], is_too_large=True)
        is_cut = stream.is_cut
        at = stream.end + 8 if not stream.is_damaged else len(body)
    return Decoded(b"".join(parts), is_cut)


def _end_of_gzip_header(body: bytes, at: int) -> int:
    flags = body[at + 3] if at + 3 < len(body) else 0
    end = at + 10
    if flags & 4:
        end += 2 + int.from_bytes(body[end : end + 2], "little")
    for flag in (8, 16):  # name, comment
        if flags & flag:
            end = body.find(b"\0", end) + 1 or len(body)
    return end + 2 if flags & 2 else end


def _unpacked_deflate(body: bytes, begin: int, max_bytes: int) -> Decoded | None:
    stream = _Deflate(body, begin, max_bytes)
    if stream.is_damaged and not stream.data:
        return None
    if len(stream.data) > max_bytes:
        return Decoded(stream.data[:max_bytes], is_too_large=True)
    is_whole = not stream.is_damaged and stream.end + _ADLER_BYTES >= len(body)
    return Decoded(stream.data, stream.is_cut, holds=is_whole)


class _Deflate:
    """A deflate stream unpacked, to at most one byte more than asked for; what comes before a damage is kept."""

    def __init__(self, body: bytes, begin: int, max_bytes: int) -> None:
        self._read(body, begin, max_bytes, _PIECE_BYTES)
        if self.is_damaged:
            self._read(body, begin, max_bytes, _CAREFUL_BYTES)

    def _read(self, body: bytes, begin: int, max_bytes: int, piece_bytes: int) -> None:
        reader = zlib.decompressobj(-zlib.MAX_WBITS)
        parts: list[bytes] = []
        size = 0
        self.is_damaged = False
        while begin < len(body) and not reader.eof and size <= max_bytes:
            piece = body[begin : begin + piece_bytes]
            try:
                parts.append(reader.decompress(piece, max_bytes + 1 - size))
            except zlib.error:
                self.is_damaged = True
                break
            size += len(parts[-1])
            begin += len(piece) - len(reader.unconsumed_tail)
        self.data = b"".join(parts)
        self.end = begin - len(reader.unused_data)
        self.is_cut = not reader.eof and not self.is_damaged and size <= max_bytes


def _unpacked_stream(body: bytes, codec: str, max_bytes: int) -> Decoded | None:
    data, failure = b"", None
    for piece_bytes in (_PIECE_BYTES, _CAREFUL_BYTES, 1):  # each time nearer to the damage, if there is one
        data, failure = _read_stream(body, codec, max_bytes, piece_bytes, len(data))
        if failure is None:
            break
    if len(data) > max_bytes:
        return Decoded(data[:max_bytes], is_too_large=True)
    is_cut = failure is not None and "Truncated" in failure
    if failure is not None and not data and not (is_cut and body.startswith(_ZSTD_MAGIC)):
        return None
    return Decoded(data, is_cut, holds=failure is None or is_cut)


def _read_stream(body: bytes, codec: str, max_bytes: int, piece_bytes: int, whole: int) -> tuple[bytes, str | None]:
    """Return what the stream `body` holds, little more than `max_bytes` of it, and how it is damaged.

    Its first `whole` bytes are known to be good; after them it is read in pieces.
    """
    stream = pa.CompressedInputStream(pa.BufferReader(body), cast(Any, codec))
    parts = [stream.read(whole)]
    size = whole
    try:
        while size <= max_bytes and (piece := stream.read(piece_bytes)):
            parts.append(piece)
            size += len(piece)
    except (OSError, pa.ArrowInvalid) as error:
        return b"".join(parts), str(error)
    return b"".join(parts), None
