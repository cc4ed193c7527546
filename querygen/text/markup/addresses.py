"""Web addresses, compiled: gone; the label of an external link is kept.

In: the position of a bracket or of the colon in ``http://``. Out: the positions after the address.
"""

import numpy as np

from querygen.text.markup.bytes_at import at, is_letter, put
from querygen.text.markup.page import EXTERNAL, innermost_mark, open_at
from schemas.kernels.ascii import COLON, NEWLINE, OPEN_BRACKET, SPACE
from schemas.kernels.byte_scan import is_at, is_at_any_case
from schemas.kernels.compiled import inlined, leaf

_ENDS_ADDRESS = (np.arange(256) <= SPACE) | np.isin(np.arange(256), list(b'"<>[]|{}'))
_MAX_SCHEME_BYTES = 8
_MAX_BARE_SCHEME_BYTES = 6
_MIN_SCHEME_BYTES = 3
_MAILTO_LETTERS = len("mailto")


@inlined
def open_bracket(page, i, o):
    """Return (i, o) behind ``[`` and the address of an external link, or behind a bracket that is shown."""
    source = page.source
    size = len(source)
    if not _begins_address(source, i + 1, size):
        return i + 1, put(page.out, o, OPEN_BRACKET)
    open_at(page, EXTERNAL, o)
    return _end_of_address(source, i + 1, size), o


@inlined
def take_colon(page, i, o):
    """Return (i, o) behind a colon and the bare address that goes on with it, whose scheme stands in the text."""
    source, out = page.source, page.out
    size = len(source)
    begin = o
    if is_at(source, i, size, b"://"):
        bottom = innermost_mark(page)
        while begin > bottom and o - begin < _MAX_BARE_SCHEME_BYTES and is_letter(out[begin - 1]):
            begin -= 1
    if o - begin < _MIN_SCHEME_BYTES:
        return i + 1, put(out, o, COLON)
    return _end_of_address(source, i + 3, size), put(out, begin, NEWLINE)


@leaf
def _begins_address(source, position, size):
    """Tell whether an external link's address stands here: ``//``, a scheme and ``://``, or ``mailto:``."""
    if is_at(source, position, size, b"//"):
        return True
    letters = 0
    while letters < _MAX_SCHEME_BYTES and position + letters < size and is_letter(source[position + letters]):
        letters += 1
    if letters < _MIN_SCHEME_BYTES or at(source, position + letters, size) != COLON:
        return False
    if letters == _MAILTO_LETTERS and is_at_any_case(source, position, size, b"ma"):
        return True
    return is_at(source, position + letters, size, b"://")


@inlined
def _end_of_address(source, position, size):
    while position < size and not _ENDS_ADDRESS[source[position]]:
        position += 1
    return position
