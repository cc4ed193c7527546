"""Templates, compiled: gone with all that is in them, but for those that stand for a character.

In: the position of two braces. Out: the positions after them; at the end of a template, where it began in the text.
"""

import numpy as np

from querygen.text.markup.bytes_at import at, put
from querygen.text.markup.page import (
    NUM_TABLES,
    NUM_TEMPLATES,
    TABLE,
    TEMPLATE,
    close_innermost,
    innermost,
    open_at,
)
from schemas.kernels.ascii import NEWLINE, small_letter
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import inlined, leaf

_WRITTEN = {
    b"'": "'", b"'s": "'s", b"=": "=", b"nbsp": "\u00a0", b"ndash": "–", b"mdash": "—",
    b"snd": "\u00a0– ", b"spnd": "\u00a0– ", b"spaced ndash": "\u00a0– ",
}  # fmt: skip
"""Templates that stand for a character in the middle of a sentence; every other one ends the line."""

_NAMES = np.frombuffer(b"".join(_WRITTEN), dtype=np.uint8)
_NAME_OFFSETS = np.cumsum([0, *map(len, _WRITTEN)]).astype(np.int64)
_TEXTS = np.frombuffer("".join(_WRITTEN.values()).encode(), dtype=np.uint8)
_TEXT_OFFSETS = np.cumsum([0, *(len(text.encode()) for text in _WRITTEN.values())]).astype(np.int64)
_LONGEST_NAME = max(map(len, _WRITTEN))
_BRACES = 4
_CLOSE_BRACE = ord("}")


@inlined
def open_template(page, i, o):
    """Return (i, o) behind ``{{``, or behind all of a template that stands for a character."""
    which = _written_template(page.source, i + 2, len(page.source))
    if which >= 0:
        i += _BRACES + _NAME_OFFSETS[which + 1] - _NAME_OFFSETS[which]
        return i, copy_bytes(_TEXTS, _TEXT_OFFSETS[which], _TEXT_OFFSETS[which + 1], page.out, o)
    open_at(page, TEMPLATE, o)
    page.state[NUM_TEMPLATES] += 1
    return i + 2, o


@inlined
def close_template(page, i, o):
    """Return (i, o) behind ``}}``: what was opened in the template ends with it."""
    if page.state[NUM_TEMPLATES] == 0:
        return i + 2, o
    while innermost(page) != TEMPLATE:
        if innermost(page) == TABLE:
            page.state[NUM_TABLES] -= 1
        close_innermost(page)
    page.state[NUM_TEMPLATES] -= 1
    return i + 2, put(page.out, close_innermost(page), NEWLINE)


@leaf
def _written_template(source, position, size):
    """Return the number of the name in `_WRITTEN` that stands at `position` with ``}}`` after it, -1 for none."""
    length = 0
    while at(source, position + length, size) != _CLOSE_BRACE:
        length += 1
        if length > _LONGEST_NAME:
            return -1
    if not is_at(source, position + length, size, b"}}"):
        return -1
    for which in range(len(_NAME_OFFSETS) - 1):
        begin = _NAME_OFFSETS[which]
        if _NAME_OFFSETS[which + 1] - begin != length:
            continue
        equal = True
        for k in range(length):
            if small_letter(source[position + k]) != _NAMES[begin + k]:
                equal = False
                break
        if equal:
            return which
    return -1
