"""Which texts are in stored form already: one compiled look at their bytes, in place of a Python call for each.

In: texts as Arrow buffers. Out: per text `PLAIN`, `NEEDS_CARE` (for `schemas.text.stored_caption`) or `NOT_UTF8`.
"""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import kernel, spliced
from schemas.kernels.lanes import LANES, bytes_between, bytes_equal
from schemas.text import stored_caption

PLAIN, NEEDS_CARE, NOT_UTF8 = range(3)

_LAST_CODE = 0x1FB00  # the end of the emoji
_KEPT_WHOLE = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4))  # ideographs and Hangul syllables
_LOOKED_AT = ((0x80, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000), (0x1F000, _LAST_CODE))
_JAMO = ((0x1100, 0x1200), (0xA960, 0xA980), (0xD7B0, 0xD800))


def kinds_of_text(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the kind of each text.

    Plain has only characters that NFC keeps whatever stands beside them, and single spaces between others.
    """
    kinds: npt.NDArray[np.uint8] = _kinds(data, offsets, _plain_characters())
    return kinds


@cache
def _plain_characters() -> npt.NDArray[np.bool_]:
    """Return a table: the characters that NFC keeps alone and beside any other, white space and U+FEFF left out.

    NFC joins a character with one before it only if it is a mark or a Hangul jamo (every second character of a
    canonical decomposition is one); what is neither, and is its own NFC, stays.
    """
    plain = np.zeros(_LAST_CODE, dtype=np.bool_)
    for begin, end in _KEPT_WHOLE:
        plain[begin:end] = True
    for begin, end in _LOOKED_AT:
        plain[begin:end] = [
            unicodedata.category(character)[0] != "M" and stored_caption(character) == character
            for character in map(chr, range(begin, end))
        ]
    for begin, end in _JAMO:
        plain[begin:end] = False
    return plain


@spliced
def _printable_ascii(data, i, end, space_before):
    """Return (how many of the next `LANES` bytes are of the text, two spaces side by side, a space as the last one).

    (0, ...) where one of them is no printable ASCII.
    """
    size = min(end - i, LANES)
    inside = ~np.uint64(0) >> np.uint64(LANES - size)
    other = bytes_between(data, i, np.uint8(0), np.uint8(32)) | bytes_between(data, i, np.uint8(128), np.uint8(128))
    if other & inside:
        return 0, False, False
    spaces = bytes_equal(data, i, np.uint8(32)) & inside
    before = (spaces << np.uint64(1)) | np.uint64(space_before)
    return size, spaces & before != 0, (spaces >> np.uint64(size - 1)) & np.uint64(1) != 0


@kernel
def _kinds(data, offsets, is_plain):
    kinds = np.zeros(len(offsets) - 1, dtype=np.uint8)
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        kind = PLAIN
        space_before = True
        next_lanes = i
        while i < end:
            if i >= next_lanes and i + LANES <= len(data):
                size, double, space_after = _printable_ascii(data, i, end, space_before)
                if size:
                    if double:
                        kind = NEEDS_CARE
                    space_before = space_after
                    i += size
                    continue
                next_lanes = i + LANES
            first = data[i]
            if first < 0x80:
                if first == 32:
                    if space_before:
                        kind = NEEDS_CARE
                    space_before = True
                else:
                    if first < 32:
                        kind = NEEDS_CARE
                    space_before = False
                i += 1
                continue
            space_before = False
            if first < 0xC2 or first > 0xF4:
                kind = NOT_UTF8
                break
            size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            if i + size > end:
                kind = NOT_UTF8
                break
            code = first & (0x7F >> size)
            code = np.int64(code)
            for j in range(1, size):
                if data[i + j] & 0xC0 != 0x80:
                    kind = NOT_UTF8
                code = (code << 6) | np.int64(data[i + j] & 0x3F)
            if kind == NOT_UTF8:
                break
            if (size == 3 and (code < 0x800 or 0xD800 <= code < 0xE000)) or (
                size == 4 and not 0x10000 <= code < 0x110000
            ):
                kind = NOT_UTF8
                break
            if code >= len(is_plain) or not is_plain[code]:
                kind = NEEDS_CARE
            i += size
        if kind == PLAIN and offsets[row] < end and space_before:
            kind = NEEDS_CARE
        kinds[row] = kind
    return kinds
