"""HTML entities: UTF-8 text with entities in, UTF-8 text with characters out, as Python's `html.unescape` gives them.

Names are looked up in the sorted table of `html.entities.html5`, a byte at a time: the names that begin with what
was read stand together, and the shortest of them stands first.

    &notit;   n: [nGg;..]  no: [no; ..]  not: [not, not;, notin; ..]  noti: [notin; ..]  notit: []   longest: "not"
"""

import html
from html.entities import html5

import numba
import numpy as np

_NAMES = sorted(html5)
_NAME_SIZE = max(map(len, _NAMES)) + 1  # one column of zeros ends the longest name
_NAME_BYTES = np.array([name.encode() for name in _NAMES], dtype=f"S{_NAME_SIZE}").view(np.uint8)
_NAME_TABLE = np.ascontiguousarray(_NAME_BYTES.reshape(len(_NAMES), _NAME_SIZE))
_VALUES = np.frombuffer("".join(html5[name] for name in _NAMES).encode(), dtype=np.uint8)
_VALUE_OFFSETS = np.cumsum([0] + [len(html5[name].encode()) for name in _NAMES]).astype(np.int64)
_FIRST_OF_BYTE = np.searchsorted(_NAME_TABLE[:, 0], np.arange(129)).astype(np.int64)

_LOW = np.array([ord(html.unescape(f"&#{number};") or "\0") for number in range(0xA0)], dtype=np.int64)
"""What the numbers below 0xA0 stand for (0x80 to 0x9F: as in Windows-1252); 0 for nothing."""

_REPLACEMENT = 0xFFFD
_TOO_LARGE = 0x110000


def unescaped_size(size: int) -> int:
    """Return the most bytes that `size` bytes can become: ``&nGt;`` (5 bytes) is the entity that grows, to 6."""
    return size + size // 5 + 8


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _find_name(source, position, size, names, first_of_byte):  # type: ignore[no-untyped-def]
    """Return (row of the longest name that stands at `position`, its length); (-1, 0) when there is none."""
    found, found_length = -1, 0
    if position >= size or source[position] >= 128:
        return found, found_length
    low, high = first_of_byte[source[position]], first_of_byte[source[position] + 1]
    length = 1
    while low < high:
        if names[low, length] == 0:
            found, found_length = low, length
            low += 1
        if position + length >= size:
            break
        byte = source[position + length]
        if byte == 0:
            break
        # the names of [low, high) with `byte` in column `length`
        top = high
        while low < top:
            middle = (low + top) >> 1
            if names[middle, length] < byte:
                low = middle + 1
            else:
                top = middle
        top = low
        while top < high:
            middle = (top + high) >> 1
            if names[middle, length] <= byte:
                top = middle + 1
            else:
                high = middle
        length += 1
    return found, found_length


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_number(source, position, size):  # type: ignore[no-untyped-def]
    """Read what follows ``&#``; return (number, position after it), (-1, `position`) when it is no number."""
    base = 10
    i = position
    if i < size and (source[i] | 32) == 120:  # x
        base = 16
        i += 1
    start = i
    number = 0
    while i < size:
        byte = source[i]
        if 48 <= byte <= 57:
            digit = byte - 48
        elif base == 16 and 97 <= (byte | 32) <= 102:
            digit = (byte | 32) - 87
        else:
            break
        number = number * base + digit
        if number > _TOO_LARGE:
            number = _TOO_LARGE
        i += 1
    if i == start:
        return -1, position
    if i < size and source[i] == 59:  # ;
        i += 1
    return number, i


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _character(number, low):  # type: ignore[no-untyped-def]
    """Return the code point that a reference by `number` stands for, -1 for none at all."""
    if number < 0xA0:
        # 0 itself stands for the replacement character, so 0 in the table is free to mean nothing.
        return low[number] if low[number] != 0 else -1
    if 0xD800 <= number <= 0xDFFF or number >= _TOO_LARGE:
        return _REPLACEMENT
    if 0xFDD0 <= number <= 0xFDEF or (number & 0xFFFE) == 0xFFFE:
        return -1
    return number


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _write_character(code, out, o):  # type: ignore[no-untyped-def]
    """Write a code point in UTF-8; return the position after it."""
    if code < 0x80:
        out[o] = code
        return o + 1
    if code < 0x800:
        out[o] = 0xC0 | (code >> 6)
        out[o + 1] = 0x80 | (code & 63)
        return o + 2
    if code < 0x10000:
        out[o] = 0xE0 | (code >> 12)
        out[o + 1] = 0x80 | ((code >> 6) & 63)
        out[o + 2] = 0x80 | (code & 63)
        return o + 3
    out[o] = 0xF0 | (code >> 18)
    out[o + 1] = 0x80 | ((code >> 12) & 63)
    out[o + 2] = 0x80 | ((code >> 6) & 63)
    out[o + 3] = 0x80 | (code & 63)
    return o + 4


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _unescape(source, size, out, names, first_of_byte, values, value_offsets, low):  # type: ignore[no-untyped-def]
    i = 0
    o = 0
    while i < size:
        byte = source[i]
        while byte != 38:  # &
            out[np.uint64(o)] = byte  # unsigned: spares the test for a negative index
            o += 1
            i += 1
            if i == size:
                return o
            byte = source[np.uint64(i)]
        if i + 1 < size and source[i + 1] == 35:  # #
            number, after = _read_number(source, i + 2, size)
            if number >= 0:
                code = _character(number, low)
                if code >= 0:
                    o = _write_character(code, out, o)
                i = after
                continue
        else:
            found, length = _find_name(source, i + 1, size, names, first_of_byte)
            if found >= 0:
                for k in range(value_offsets[found], value_offsets[found + 1]):
                    out[o] = values[k]
                    o += 1
                i += 1 + length
                continue
        out[o] = byte
        o += 1
        i += 1
    return o


def unescape_into(source, size, out):  # type: ignore[no-untyped-def]
    """Write ``source[:size]`` with its entities resolved to `out` (of `unescaped_size`); return the bytes written.

    Numbers of any length are read, where `html.unescape` raises above 4,300 digits.
    """
    return _unescape(source, size, out, _NAME_TABLE, _FIRST_OF_BYTE, _VALUES, _VALUE_OFFSETS, _LOW)
