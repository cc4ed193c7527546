"""Escaped text to UTF-8, compiled: HTML's character references (`schemas.kernels.html_entities`), and JSON strings.

In: a range of bytes. Out: the plain bytes, written to an output with room for `plain_size` more, and their end.
"""

import numpy as np

from schemas.kernels.ascii import hexadecimal
from schemas.kernels.compiled import leaf
from schemas.kernels.html_entities import compiled_plain_size as plain_size
from schemas.kernels.html_entities import write_html
from schemas.kernels.utf8 import write_character

__all__ = ["plain_size", "write_html", "write_json"]


@leaf
def _four_digits(data, position, end):
    """Return the number of four hexadecimal digits, -1 when they are not there."""
    if position + 4 > end:
        return np.int64(-1)
    number = np.int64(0)
    for k in range(4):
        digit = hexadecimal(data[position + k])
        if digit < 0:
            return np.int64(-1)
        number = number * 16 + digit
    return number


@leaf
def write_json(data, begin, end, out, position):
    """Write the content of a JSON string unescaped; return the output's end. A bad escape is kept as it stands."""
    i = begin
    while i < end:
        byte = data[i]
        i += 1
        if byte != 92 or i == end:
            out[position] = byte
            position += 1
            continue
        kind = data[i]
        i += 1
        if kind == 117:  # u
            code = _four_digits(data, i, end)
            if code >= 0:
                i += 4
                if 0xD800 <= code < 0xDC00 and i + 6 <= end and data[i] == 92 and data[i + 1] == 117:
                    low = _four_digits(data, i + 2, end)
                    if 0xDC00 <= low < 0xE000:
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                        i += 6
                position = write_character(code, out, position)
                continue
            kind = np.uint8(117)
        elif kind == 110:  # n
            kind = np.uint8(10)
        elif kind == 116:  # t
            kind = np.uint8(9)
        elif kind == 114:  # r
            kind = np.uint8(13)
        elif kind == 98:  # b
            kind = np.uint8(8)
        elif kind == 102:  # f
            kind = np.uint8(12)
        out[position] = kind
        position += 1
    return position
