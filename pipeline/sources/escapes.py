"""Escaped text to UTF-8, compiled: HTML character references (in text and in attributes) and JSON strings.

In: a range of bytes. Out: the plain bytes, written to an output with room for `plain_size` more, and their end.
"""

import html
from html.entities import html5

import numpy as np
from numba import njit

_NAMES = sorted(html5)
_NAME_WIDTH = max(map(len, _NAMES)) + 1  # one column of zeros ends the longest name
_NAME_TABLE = np.array([name.encode() for name in _NAMES], dtype=f"S{_NAME_WIDTH}").view(np.uint8)
_NAME_TABLE = np.ascontiguousarray(_NAME_TABLE.reshape(len(_NAMES), _NAME_WIDTH))
_VALUES = np.frombuffer("".join(html5[name] for name in _NAMES).encode(), dtype=np.uint8)
_VALUE_ENDS = np.cumsum([0] + [len(html5[name].encode()) for name in _NAMES]).astype(np.int64)
_FIRST_OF_BYTE = np.searchsorted(_NAME_TABLE[:, 0], np.arange(129)).astype(np.int64)
_LOW = np.array([ord(html.unescape(f"&#{number};") or "\0") for number in range(0xA0)], dtype=np.int64)
"""What the numbers below 0xA0 stand for (0x80 to 0x9F: as in Windows-1252); 0 for nothing."""
_LARGEST = 0x10FFFF
_REPLACEMENT = 0xFFFD


@njit(inline="always")  # type: ignore[untyped-decorator]
def plain_size(size):  # type: ignore[no-untyped-def]
    """Return the most bytes that `size` bytes can become: ``&nGt;`` (5 bytes) is the reference that grows, to 6."""
    return size + size // 5 + 16


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_character(code, out, position):  # type: ignore[no-untyped-def]
    """Write a code point in UTF-8; a surrogate becomes bytes that are no UTF-8, so that collect rejects the text."""
    if code < 0x80:
        out[position] = code
        return position + 1
    if code < 0x800:
        out[position] = 0xC0 | (code >> 6)
        out[position + 1] = 0x80 | (code & 63)
        return position + 2
    if code < 0x10000:
        out[position] = 0xE0 | (code >> 12)
        out[position + 1] = 0x80 | ((code >> 6) & 63)
        out[position + 2] = 0x80 | (code & 63)
        return position + 3
    out[position] = 0xF0 | (code >> 18)
    out[position + 1] = 0x80 | ((code >> 12) & 63)
    out[position + 2] = 0x80 | ((code >> 6) & 63)
    out[position + 3] = 0x80 | (code & 63)
    return position + 4


@njit(inline="always")  # type: ignore[untyped-decorator]
def _hexadecimal(byte):  # type: ignore[no-untyped-def]
    """Return the value of a hexadecimal digit, -1 for any other byte."""
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    if 97 <= (byte | 32) <= 102:
        return np.int64(byte | 32) - 87
    return np.int64(-1)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _find_name(data, position, end):  # type: ignore[no-untyped-def]
    """Return (row of the longest name that stands at `position`, its length), (-1, 0) when there is none.

    The rows that begin with what was read stand together in the sorted table; each byte narrows them by bisection.
    """
    found, found_length = -1, 0
    if position >= end or data[position] >= 128:
        return found, found_length
    low, high = _FIRST_OF_BYTE[data[position]], _FIRST_OF_BYTE[data[position] + 1]
    length = 1
    while low < high:
        if _NAME_TABLE[low, length] == 0:
            found, found_length = low, length
            low += 1
        if position + length >= end or data[position + length] == 0:
            break
        byte = data[position + length]
        top = high
        while low < top:
            middle = (low + top) >> 1
            if _NAME_TABLE[middle, length] < byte:
                low = middle + 1
            else:
                top = middle
        top = low
        while top < high:
            middle = (top + high) >> 1
            if _NAME_TABLE[middle, length] <= byte:
                top = middle + 1
            else:
                high = middle
        length += 1
    return found, found_length


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _write_reference(data, begin, end, out, position, in_attribute):  # type: ignore[no-untyped-def]
    """Write what the reference after the ``&`` at ``begin - 1`` stands for; return (its end, output's end).

    An end equal to `begin` means that it is no reference. In an attribute a name without ``;`` that goes on, as in
    ``?a=1&copy=2``, is none (HTML standard, named character reference state).
    """
    if begin < end and data[begin] == 35:
        i = begin + 1
        base = 10
        if i < end and (data[i] | 32) == 120:
            base = 16
            i += 1
        first = i
        number = 0
        while i < end:
            digit = _hexadecimal(data[i])
            if digit < 0 or digit >= base:
                break
            number = min(number * base + digit, _LARGEST + 1)
            i += 1
        if i == first:
            return begin, position
        if i < end and data[i] == 59:
            i += 1
        if number < 0xA0:
            number = _LOW[number] if _LOW[number] != 0 else -1
        elif number > _LARGEST or 0xD800 <= number <= 0xDFFF:
            number = _REPLACEMENT
        elif 0xFDD0 <= number <= 0xFDEF or (number & 0xFFFE) == 0xFFFE:
            number = -1
        return i, write_character(number, out, position) if number >= 0 else position
    row, length = _find_name(data, begin, end)
    if row < 0:
        return begin, position
    after = begin + length
    if in_attribute and data[after - 1] != 59 and after < end:
        follower = data[after]
        if follower == 61 or 48 <= follower <= 57 or 97 <= (follower | 32) <= 122:
            return begin, position
    for k in range(_VALUE_ENDS[row], _VALUE_ENDS[row + 1]):
        out[position] = _VALUES[k]
        position += 1
    return after, position


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_html(data, begin, end, out, position, in_attribute):  # type: ignore[no-untyped-def]
    """Write HTML text with its character references resolved; return the output's end."""
    i = begin
    while i < end:
        byte = data[i]
        i += 1
        if byte == 38:
            after, written = _write_reference(data, i, end, out, position, in_attribute)
            if after > i:
                i, position = after, written
                continue
        out[position] = byte
        position += 1
    return position


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _four_digits(data, position, end):  # type: ignore[no-untyped-def]
    """Return the number of four hexadecimal digits, -1 when they are not there."""
    if position + 4 > end:
        return np.int64(-1)
    number = np.int64(0)
    for k in range(4):
        digit = _hexadecimal(data[position + k])
        if digit < 0:
            return np.int64(-1)
        number = number * 16 + digit
    return number


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_json(data, begin, end, out, position):  # type: ignore[no-untyped-def]
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
