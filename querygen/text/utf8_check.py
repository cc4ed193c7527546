"""UTF-8 check in one pass without branches: bytes in a padded buffer in, a verdict out.

Every byte is judged by itself and the three before it, so the loop is turned into vector instructions and runs at
the same speed for any script.
"""

import numpy as np

from schemas.kernels.compiled import kernel

PADDING = 4
"""Bytes a buffer must have before and after the text; `check_utf8` overwrites them."""

_AMPERSAND = 38


@kernel
def check_utf8(padded, start, stop):
    """Return (whether ``padded[start:stop]`` is UTF-8, whether it holds an ampersand).

    Agrees with Python's strict decoder: no surrogates, no overlong forms, nothing above U+10FFFF.
    """
    for k in range(1, PADDING + 1):
        padded[start - k] = 0
        padded[stop + k - 1] = 0
    wrong = np.uint8(0)
    ampersand = np.uint8(0)
    first, second, third = padded[start - 1 :], padded[start - 2 :], padded[start - 3 :]
    text = padded[start:]
    # Three bytes more than the text: a character cut off by its end is missed by the padding's zeros.
    for i in range(stop - start + 3):
        byte = text[i]
        before = first[i]
        continues = (byte & 0xC0) == 0x80
        must_continue = (before >= 0xC0) | (second[i] >= 0xE0) | (third[i] >= 0xF0)
        broken = (
            (continues != must_continue)
            | (byte >= 0xF5)
            | ((byte & 0xFE) == 0xC0)  # overlong, two bytes
            | ((before == 0xE0) & (byte < 0xA0))  # overlong, three bytes
            | ((before == 0xED) & (byte >= 0xA0))  # surrogates
            | ((before == 0xF0) & (byte < 0x90))  # overlong, four bytes
            | ((before == 0xF4) & (byte >= 0x90))  # above U+10FFFF
        )
        # numba would widen the sum of two bytes to eight: the casts keep 32 of them in a vector
        wrong = np.uint8(wrong | np.uint8(broken))
        ampersand = np.uint8(ampersand | np.uint8(byte == _AMPERSAND))
    return wrong == 0, ampersand != 0
