"""Finding bytes eight at a time, for the compiled scanners of crawl records.

In: a uint8 array with at least `PADDING` bytes after the scanned end, a position. Out: the position of the next byte
that is one of two. Words are read little-endian: the byte of lowest address is the lowest.
"""

import numpy as np

from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.lanes import first_bit, load_word

PADDING = 64
"""Bytes that must lie, allocated, after the end of what is scanned."""

_ONES = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)


@inlined
def _zero_bytes(word):
    """Return a word whose lowest set bit lies in the first zero byte of `word`; 0 when there is none."""
    return (word - _ONES) & ~word & _HIGH_BITS


@leaf
def find_either(data, position, end, first, second):
    """Return the position of the next byte that is `first` or `second`, `end` when there is none before it."""
    first_word = np.uint64(first) * _ONES
    second_word = np.uint64(second) * _ONES
    while position < end:
        word = load_word(data, position)
        found = _zero_bytes(word ^ first_word) | _zero_bytes(word ^ second_word)
        if found != np.uint64(0):
            return min(position + (first_bit(found) >> 3), end)
        position += 8
    return end


@leaf
def is_at(data, position, end, text):
    """Tell whether the bytes `text` stand at `position`."""
    if position + len(text) > end:
        return False
    for i in range(len(text)):  # noqa: SIM110 (numba compiles no generator)
        if data[position + i] != text[i]:
            return False
    return True


@leaf
def is_at_any_case(data, position, end, text):
    """Tell whether the lower-case ASCII bytes `text` stand at `position` in any case."""
    if position + len(text) > end:
        return False
    for i in range(len(text)):
        byte = data[position + i]
        if byte != text[i] and not (65 <= byte <= 90 and byte + 32 == text[i]):
            return False
    return True


@leaf
def trim(data, begin, end):
    """Return (begin, end) without white space and control characters around."""
    while begin < end and data[begin] <= 32:
        begin += 1
    while begin < end and data[end - 1] <= 32:
        end -= 1
    return begin, end


@leaf
def has_word(data, begin, end, word):
    """Tell whether `word` is one of the words of a text."""
    i = begin
    while i + len(word) <= end:
        if is_at_any_case(data, i, end, word):
            after = i + len(word)
            if (i == begin or data[i - 1] <= 32) and (after == end or data[after] <= 32):
                return True
        i += 1
    return False
