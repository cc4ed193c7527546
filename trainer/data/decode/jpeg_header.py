"""What the markers of a JPEG say before its pixels are decoded: size, kind, EXIF orientation, number of scans.

In: bytes of a stranger. Out: a `JpegHeader`. Only what nearly every writer writes is plain: one frame of 8 bits with
Huffman codes, one or three components, at most one EXIF block that holds a short orientation. All else is for Pillow to
look at. 2 microseconds a file, without Python's lock.
"""

from typing import NamedTuple

from schemas.kernels.compiled import leaf, unlocked

_MARK, _START, _SCAN, _EXIF, _COMMENT, _APP_0 = 0xFF, 0xD8, 0xDA, 0xE1, 0xFE, 0xE0
_BASELINE, _EXTENDED, _PROGRESSIVE, _HUFFMAN, _QUANTISATION, _RESTART = 0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD
_ORIENTATION, _SHORT = 0x0112, 3
_LITTLE, _BIG = b"I"[0], b"M"[0]
_E, _X, _I, _F = b"Exif"


class JpegHeader(NamedTuple):
    """What the markers say."""

    is_plain: bool
    """They are what nearly every writer writes: size and orientation count."""
    can_shrink: bool
    """Blocks of 8 x 8 frequencies, of which a decoder may take fewer: asked for only where the one frame is of a usual
    kind."""
    width: int
    height: int
    orientation: int
    """EXIF's, 1 .. 8; 1 where there is none."""
    num_scans: int
    """Each costs the decoder a pass over the picture, however few bytes it has."""


@unlocked
def read_jpeg_header(data):
    """Return the `JpegHeader` of a uint8 array."""
    num_scans = 0
    for at in range(len(data) - 1):
        num_scans += (data[at] == _MARK) & (data[at + 1] == _SCAN)
    nothing = JpegHeader(False, False, 0, 0, 1, num_scans)
    if len(data) < 4 or data[0] != _MARK or data[1] != _START:
        return nothing
    width = height = num_frames = 0
    orientation, num_blocks = 1, 0
    is_plain = True
    position = 2
    while position + 4 <= len(data) and data[position] == _MARK:
        marker = data[position + 1]
        begin, end = position + 4, position + 2 + _number(data, position + 2, 2, True)
        if end > len(data) or end < begin:
            return nothing
        if marker == _SCAN:
            can_shrink = num_frames == 1
            return JpegHeader(
                is_plain and can_shrink and width > 0 and height > 0, can_shrink, width, height, orientation, num_scans
            )
        if marker in (_BASELINE, _EXTENDED, _PROGRESSIVE):
            if end < begin + 6:
                return nothing
            num_frames += 1
            height, width = _number(data, begin + 1, 2, True), _number(data, begin + 3, 2, True)
            is_plain = is_plain and data[begin] == 8 and (data[begin + 5] == 1 or data[begin + 5] == 3)
        elif marker == _EXIF and end >= begin + 6 and _is_exif(data, begin):
            orientation = _orientation(data, begin + 6, end)
            num_blocks += 1  # a second one goes on where the first ends
            is_plain = is_plain and orientation > 0 and num_blocks == 1
        elif not (_APP_0 <= marker < _APP_0 + 16 or marker in (_COMMENT, _HUFFMAN, _QUANTISATION, _RESTART)):
            return nothing
        position = end
    return nothing


@leaf
def _is_exif(data, at):
    return (
        data[at] == _E and data[at + 1] == _X and data[at + 2] == _I and data[at + 3] == _F
        and data[at + 4] == 0 and data[at + 5] == 0
    )  # fmt: skip


@leaf
def _orientation(data, begin, end):
    """Return the orientation that the first directory of an EXIF block gives, 0 where it is odd."""
    if end - begin < 14 or data[begin] != data[begin + 1] or (data[begin] != _LITTLE and data[begin] != _BIG):
        return 0
    big = data[begin] == _BIG
    if _number(data, begin + 2, 2, big) != 42:
        return 0
    at = begin + _number(data, begin + 4, 4, big)
    if at + 2 > end:
        return 0
    entries = _number(data, at, 2, big)
    if at + 2 + 12 * entries > end:
        return 0
    found = 1
    for entry in range(entries):
        place = at + 2 + 12 * entry
        if _number(data, place, 2, big) == _ORIENTATION:
            if _number(data, place + 2, 2, big) != _SHORT or _number(data, place + 4, 4, big) != 1:
                return 0
            found = _number(data, place + 8, 2, big)
    return found if 1 <= found <= 8 else 1


@leaf
def _number(data, at, num_bytes, big):
    value = 0
    for place in range(num_bytes):
        value = value << 8 | data[at + (place if big else num_bytes - 1 - place)]
    return value
