"""What a link's target is by its name, compiled: a prefix of this wiki, a file's ending, another language.

In: bytes and the position of the target. Out: whether it is that. Each reads a bounded number of bytes, so that the
scan stays linear.
"""

import numpy as np

from querygen.text.markup.bytes_at import at
from schemas.kernels.ascii import COLON, DASH, DOT, SPACE, UNDERSCORE, is_small_letter, small_letter
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import leaf

_MAX_TITLE_BYTES = 255
_MAX_PREFIX_BYTES = 80
_MAX_LANGUAGE_BYTES = 16
_SIMPLE_BYTES = len("simple")
_FILE_ENDINGS = (
    "jpg", "jpeg", "png", "gif", "svg", "tif", "tiff", "webp", "xcf", "pdf", "djvu", "ogg", "oga", "ogv", "opus",
    "webm", "mp3", "wav", "mid", "midi", "flac", "stl",
)  # fmt: skip
"""What Wikimedia Commons takes (its page "File types")."""
_FILE_ENDING_CODES = np.array([int.from_bytes(f".{name}".encode(), "big") for name in _FILE_ENDINGS], dtype=np.int64)
_MAX_ENDING_BYTES = 5


@leaf
def has_prefix(source, position, size, prefixes, offsets):
    """Tell whether ``name:`` with a name of `prefixes` (ASCII lower case, spaces) stands at `position`."""
    for which in range(len(offsets) - 1):
        length = offsets[which + 1] - offsets[which]
        if position + length >= size:
            continue
        equal = True
        for k in range(length):
            byte = small_letter(source[position + k])
            if byte == UNDERSCORE:
                byte = np.uint8(SPACE)
            if byte != prefixes[offsets[which] + k]:
                equal = False
                break
        if equal:
            after = position + length
            while after < size and source[after] == SPACE:
                after += 1
                if after - position > _MAX_PREFIX_BYTES:
                    break
            if at(source, after, size) == COLON:
                return True
    return False


@leaf
def is_file_name(out, start, stop):
    """Tell whether ``name:title.jpg`` stands in ``out[start:stop]``.

    Any name will do: a dump does not tell the other names of its namespaces (``画像:`` in Japanese).
    """
    while stop > start and out[stop - 1] == SPACE:
        stop -= 1
    if stop - start > _MAX_TITLE_BYTES:
        return False
    code = 0
    position = stop
    while position > start and stop - position < _MAX_ENDING_BYTES:
        position -= 1
        code |= np.int64(small_letter(out[position])) << (8 * (stop - 1 - position))
        if out[position] == DOT:
            break
    known = False
    for ending in _FILE_ENDING_CODES:
        known = known or ending == code
    if not known:
        return False
    while position > start:
        position -= 1
        if out[position] == COLON:
            return True
    return False


@leaf
def is_language_prefix(source, position, size):
    """Tell whether a language code and a colon stand at `position` (``de:``, ``zh-yue:``, ``simple:``)."""
    letters = 0
    while letters <= _SIMPLE_BYTES and position + letters < size and is_small_letter(source[position + letters]):
        letters += 1
    after = position + letters
    if letters == _SIMPLE_BYTES:
        return is_at(source, position, size, b"si") and at(source, after, size) == COLON
    if letters < 2 or letters > 3:
        return False
    while at(source, after, size) == DASH and after - position < _MAX_LANGUAGE_BYTES:
        after += 1
        while after < size and is_small_letter(source[after]) and after - position < _MAX_LANGUAGE_BYTES:
            after += 1
    return at(source, after, size) == COLON
