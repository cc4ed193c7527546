"""PNG files by their chunks: what the pixels are made of, apart from what is written beside them.

In: the bytes of a PNG. Out: the same picture without texts, colour profiles, times and animations. Decoders differ in
what they refuse of these: Pillow a text or profile that unpacks to more than 1 MiB, texts of more than 64 MiB, a wrong
checksum of any of them, a text whose keyword is one of its own settings. A browser shows the picture.
"""

import zlib
from typing import NamedTuple

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_CHUNK_BYTES = 12
"""Length, kind and checksum around a chunk's data."""


class Png(NamedTuple):
    """What a PNG is made of."""

    bare: bytes
    """Its critical chunks and transparency (``tRNS``), up to the end mark; the bytes given when there is no more."""
    exif: bytes | None
    """The data of ``eXIf``, wherever it stands. None when there is none, or its checksum is wrong."""
    is_animated: bool
    """There are chunks of an animation, right or broken. The bare picture is the one that is shown without it."""
    reaches_end: bool
    """The end mark is there, and right."""
    is_cut: bool
    """The bytes end before the end mark does, with no chunk without a name on the way."""


def read_png(data: bytes) -> Png:
    """Return the parts of a PNG. Where its chunks are broken or cut, the bare bytes are so, too: for a decoder to tell.

    What there is of picture data in a chunk that is cut makes a whole chunk: the rows may all be there. Linear in the
    number of chunks; nothing is unpacked.
    """
    kept: list[tuple[int, int]] = []
    exif: bytes | None = None
    is_animated = reaches_end = False
    is_cut = True
    position = len(PNG_MAGIC)
    begin = 0
    rest = b""
    while position + 8 <= len(data):
        kind = data[position + 4 : position + 8]
        end = position + _CHUNK_BYTES + int.from_bytes(data[position : position + 4], "big")
        if kind == b"IEND" or not kind.isalpha():
            is_cut = kind == b"IEND" and end > len(data)
            reaches_end = kind == b"IEND" and not is_cut and _has_checksum(data, position, end)
            position = min(end, len(data)) if kind == b"IEND" else len(data)
            break
        if kind[0] & 0x20:  # ancillary: a decoder may leave it out
            is_right = end <= len(data) and kind in (b"tRNS", b"eXIf") and _has_checksum(data, position, end)
            if kind == b"eXIf" and is_right and exif is None:
                exif = data[position + 8 : end - 4]
            is_animated = is_animated or kind in _ANIMATION
            if kind != b"tRNS" or not is_right:
                kept.append((begin, position))
                begin = min(end, len(data))
        elif kind == b"IDAT" and end > len(data):
            rest = _data_chunk(data[position + 8 :])
            kept.append((begin, position))
            begin = len(data)
        position = min(end, len(data))
    kept.append((begin, position))
    view = memoryview(data)  # one copy, not two
    bare = data if kept == [(0, len(data))] else b"".join([*(view[first:last] for first, last in kept), rest])
    return Png(bare, exif, is_animated, reaches_end, is_cut)


def _data_chunk(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + b"IDAT" + body + zlib.crc32(b"IDAT" + body).to_bytes(4, "big")


def _has_checksum(data: bytes, position: int, end: int) -> bool:
    return zlib.crc32(data[position + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")
