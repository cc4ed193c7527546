"""Width and height of an image by its first bytes: JPEG, PNG, GIF, WebP, BMP. Nothing is decoded.

In: the bytes so far, of strangers. Out: the sizes, or nothing: not yet, not known, or no such image. An own reader, and
not Pillow's: it is asked again with each packet, in the process that must not die, and takes microseconds.
"""

import struct

HEAD_BYTES = 1 << 16
"""So many bytes are looked at; a JPEG whose metadata is longer is judged when it is there."""

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""Markers of a JPEG's frame header (ITU T.81, table B.1): it holds the sizes."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""


def header_size(head: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels as the header says, before EXIF turns the image; None when it does not (yet)."""
    try:
        if head[:3] == b"\xff\xd8\xff":
            return _jpeg(head)
        if head[:8] == b"\x89PNG\r\n\x1a\n" and head[12:16] == b"IHDR":
            return _known(*struct.unpack_from(">II", head, 16))
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return _gif(head)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
        if head[:2] == b"BM" and head[6:10] == bytes(4):
            return _bmp(head)
    except (struct.error, IndexError):  # not there yet
        pass
    return None


def _known(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width > 0 and height > 0 else None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    position = 2
    while True:
        position = _next_marker(head, position)
        while head[position] == 0xFF:
            position += 1
        marker = head[position]
        position += 1
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, position + 3)
            return _known(width, height)
        if marker in (0xD9, 0xDA):  # pixels without a frame: broken
            return None
        if marker not in _ALONE and marker != 0:
            position += max(2, int.from_bytes(head[position : position + 2], "big"))
        if position >= len(head):
            return None


def _next_marker(head: bytes, position: int) -> int:
    found = head.find(b"\xff", position)
    return found if found >= 0 else len(head)


def _gif(head: bytes) -> tuple[int, int] | None:
    """Return the screen's size, or what holds the first frame, too, where that is larger: so Pillow has it."""
    width, height, flags = struct.unpack_from("<HHB", head, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while head[position] == 0x21:
        position += 2
        while block_bytes := head[position]:
            position += 1 + block_bytes
        position += 1
    if head[position] != 0x2C:
        return None
    left, top, frame_width, frame_height = struct.unpack_from("<HHHH", head, position + 1)
    return _known(max(width, left + frame_width), max(height, top + frame_height))


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return _known(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and head[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", head, 21)
        return _known((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X" and len(head) >= 30:
        return _known(1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"))
    return None


def _bmp(head: bytes) -> tuple[int, int] | None:
    (header_bytes,) = struct.unpack_from("<I", head, 14)
    if header_bytes == 12:
        return _known(*struct.unpack_from("<HH", head, 18))
    width, height = struct.unpack_from("<ii", head, 18)
    return _known(width, abs(height))
