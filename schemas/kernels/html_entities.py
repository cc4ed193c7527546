"""HTML's character references, compiled: bytes of HTML text or of an attribute's value in, plain UTF-8 out.

As Python's `html.unescape` gives them; in an attribute as the HTML standard says. Names are looked up in the sorted
table of `html.entities.html5`, a byte at a time: the names that begin with what was read stand together, and the
shortest of them stands first.

    &notit;   n: [nGg;..]  no: [no; ..]  not: [not, not;, notin; ..]  noti: [notin; ..]  notit: []   longest: "not"
"""

import html
from html.entities import html5

import numpy as np

from schemas.kernels.ascii import hexadecimal
from schemas.kernels.compiled import leaf, spliced
from schemas.kernels.utf8 import write_character

_NAMES = sorted(html5)
_NAME_SIZE = max(map(len, _NAMES)) + 1  # one column of zeros ends the longest name
_NAME_BYTES = np.array([name.encode() for name in _NAMES], dtype=f"S{_NAME_SIZE}").view(np.uint8)
_NAME_TABLE = np.ascontiguousarray(_NAME_BYTES.reshape(len(_NAMES), _NAME_SIZE))
_VALUES = np.frombuffer("".join(html5[name] for name in _NAMES).encode(), dtype=np.uint8)
_VALUE_ENDS = np.cumsum([0] + [len(html5[name].encode()) for name in _NAMES]).astype(np.int64)
_FIRST_OF_BYTE = np.searchsorted(_NAME_TABLE[:, 0], np.arange(129)).astype(np.int64)

_LOW = np.array([ord(html.unescape(f"&#{number};") or "\0") for number in range(0xA0)], dtype=np.int64)
"""What the numbers below 0xA0 stand for (0x80 to 0x9F: as in Windows-1252); 0 for nothing."""

_REPLACEMENT = 0xFFFD
_TOO_LARGE = 0x110000
_AMPERSAND, _HASH, _SEMICOLON, _EQUALS, _X = 38, 35, 59, 61, 120


def plain_size(size: int) -> int:
    """Return the most bytes that `size` bytes can become: ``&nGt;`` (5 bytes) is the reference that grows, to 6."""
    return size + size // 5 + 16


compiled_plain_size = spliced(plain_size)
"""The same for kernels."""


@leaf
def _find_name(data, position, end):
    """Return (row of the longest name that stands at `position`, its length), (-1, 0) when there is none."""
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
        # the names of [low, high) with `byte` in column `length`
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


@leaf
def _read_number(data, position, end):
    """Read what follows ``&#``; return (code point, position after it), -2 for no number, -1 for one of nothing."""
    base = 10
    i = position
    if i < end and (data[i] | 32) == _X:
        base = 16
        i += 1
    first = i
    number = np.int64(0)
    while i < end:
        digit = hexadecimal(data[i])
        if digit < 0 or digit >= base:
            break
        number = min(np.int64(number * base + digit), np.int64(_TOO_LARGE))
        i += 1
    if i == first:
        return np.int64(-2), position
    if i < end and data[i] == _SEMICOLON:
        i += 1
    if number < 0xA0:
        # 0 itself stands for the replacement character, so 0 in the table is free to mean nothing.
        number = _LOW[number] if _LOW[number] != 0 else np.int64(-1)
    elif 0xD800 <= number <= 0xDFFF or number == _TOO_LARGE:
        number = np.int64(_REPLACEMENT)
    elif 0xFDD0 <= number <= 0xFDEF or (number & 0xFFFE) == 0xFFFE:
        number = np.int64(-1)
    return number, i


@leaf
def _write_reference(data, begin, end, out, position, in_attribute):
    """Write what the reference after the ``&`` at ``begin - 1`` stands for; return (its end, output's end).

    An end equal to `begin` means that it is no reference. In an attribute a name without ``;`` that goes on, as in
    ``?a=1&copy=2``, is none (HTML standard, named character reference state).
    """
    if begin < end and data[begin] == _HASH:
        code, after = _read_number(data, begin + 1, end)
        if code == -2:
            return begin, position
        return after, write_character(code, out, position) if code >= 0 else position
    row, length = _find_name(data, begin, end)
    if row < 0:
        return begin, position
    after = begin + length
    if in_attribute and data[after - 1] != _SEMICOLON and after < end:
        follower = data[after]
        if follower == _EQUALS or 48 <= follower <= 57 or 97 <= (follower | 32) <= 122:
            return begin, position
    for k in range(_VALUE_ENDS[row], _VALUE_ENDS[row + 1]):
        out[position] = _VALUES[k]
        position += 1
    return after, position


@leaf
def write_html(data, begin, end, out, position, in_attribute):
    """Write ``data[begin:end]`` with its references resolved to `out` from `position` on; return the output's end.

    The output has room for `plain_size` more. Numbers of any length are read, where `html.unescape` raises above
    4,300 digits.
    """
    i = begin
    while i < end:
        byte = data[np.uint64(i)]  # unsigned: spares the test for a negative index
        if byte == _AMPERSAND:
            after, written = _write_reference(data, i + 1, end, out, position, in_attribute)
            if after > i + 1:
                i, position = after, written
                continue
        out[np.uint64(position)] = byte
        position += 1
        i += 1
    return position


@leaf
def write_closed_html(data, begin, end, out, position):
    """As `write_html`, but only what ends in ``;`` is a reference: in a URL ``&times`` may begin ``&timestamp=1``."""
    i = begin
    while i < end:
        if data[i] == _AMPERSAND:
            after, written = _write_reference(data, i + 1, end, out, position, False)
            if after > i + 1 and data[after - 1] == _SEMICOLON:
                i, position = after, written
                continue
        out[position] = data[i]
        position += 1
        i += 1
    return position
