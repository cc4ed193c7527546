"""What the markers of a JPEG say before its pixels are decoded: size, kind, EXIF orientation, number of scans.

In: bytes of a stranger. Out: a `JpegHeader`. Only what nearly every writer writes is plain: one frame of 8 bits with
Huffman codes, one or three components, at most one EXIF block that holds a short orientation. All else is for Pillow to
look at. What is said of devices is nvJPEG's part of that. 2 microseconds a file, without Python's lock.
"""

from typing import NamedTuple

from schemas.kernels.compiled import leaf, unlocked

_MARK, _START, _SCAN, _EXIF, _COMMENT, _APP_0 = 0xFF, 0xD8, 0xDA, 0xE1, 0xFE, 0xE0
_BASELINE, _EXTENDED, _PROGRESSIVE, _HUFFMAN, _QUANTISATION, _RESTART = 0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD
_ORIENTATION, _SHORT = 0x0112, 3
_LITTLE, _BIG = b"I"[0], b"M"[0]
_E, _X, _I, _F = b"Exif"
_ADOBE, _END, _YCBCR = 0xEE, 0xD9, 1
_DEVICE_SAMPLINGS = (0x11, 0x21, 0x22, 0x12)
"""Of luma, four bits across and four down, beside chroma of 0x11: 4:4:4, 4:2:2, 4:2:0, 4:4:0."""


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
    is_for_devices: bool
    """Plain, upright, whole, baseline or progressive, and grey or YCbCr in a usual sampling: what nvJPEG decodes to the
    same colours."""


@unlocked
def read_jpeg_header(data):
    """Return the `JpegHeader` of a uint8 array."""
    num_scans = 0
    for at in range(len(data) - 1):
        num_scans += (data[at] == _MARK) & (data[at + 1] == _SCAN)
    nothing = JpegHeader(False, False, 0, 0, 1, num_scans, False)
    if len(data) < 4 or data[0] != _MARK or data[1] != _START:
        return nothing
    width = height = num_frames = 0
    orientation, num_blocks = 1, 0
    is_plain, is_usual = True, data[len(data) - 2] == _MARK and data[len(data) - 1] == _END
    position = 2
    while position + 4 <= len(data) and data[position] == _MARK:
        marker = data[position + 1]
        begin, end = position + 4, position + 2 + _number(data, position + 2, 2, True)
        if end > len(data) or end < begin:
            return nothing
        if marker == _SCAN:
            can_shrink = num_frames == 1
            is_plain = is_plain and can_shrink and width > 0 and height > 0
            is_usual = is_plain and is_usual and orientation == 1
            return JpegHeader(is_plain, can_shrink, width, height, orientation, num_scans, is_usual)
        if marker in (_BASELINE, _EXTENDED, _PROGRESSIVE):
            if end < begin + 6:
                return nothing
            num_frames += 1
            height, width = _number(data, begin + 1, 2, True), _number(data, begin + 3, 2, True)
            is_plain = is_plain and data[begin] == 8 and (data[begin + 5] == 1 or data[begin + 5] == 3)
            is_usual = is_usual and marker != _EXTENDED and _has_usual_colours(data, begin, end)
        elif marker == _EXIF and end >= begin + 6 and _is_exif(data, begin):
            orientation = _orientation(data, begin + 6, end)
            num_blocks += 1  # a second one goes on where the first ends
            is_plain = is_plain and orientation > 0 and num_blocks == 1
        elif marker == _ADOBE:
            is_usual = is_usual and end >= begin + 12 and data[begin + 11] == _YCBCR
        elif not (_APP_0 <= marker < _APP_0 + 16 or marker in (_COMMENT, _HUFFMAN, _QUANTISATION, _RESTART)):
            return nothing
        position = end
    return nothing


@leaf
def _has_usual_colours(data, begin, end):
    """Tell whether a frame is grey, or YCbCr by the numbers of its components and in a usual sampling."""
    if data[begin + 5] == 1:
        return True
    if data[begin + 5] != 3 or end < begin + 15:
        return False
    numbers = data[begin + 6] == 1 and data[begin + 9] == 2 and data[begin + 12] == 3
    return numbers and data[begin + 7] in _DEVICE_SAMPLINGS and data[begin + 10] == 0x11 and data[begin + 13] == 0x11


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
