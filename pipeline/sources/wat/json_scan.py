"""Walking JSON without building it, compiled: the quotes of a record are found first, 64 bytes at a time, then hopped.

In: one JSON value in a buffer. Out: positions of what it holds. Where a quote is escaped is told by the parity of the
backslashes before it, for 64 bytes at once, as simdjson does it (Langdale and Lemire, "Parsing gigabytes of JSON per
second", section 3.1.1). A walk holds a place in the list of quotes beside its position in the bytes:

    {"path":"IMG@/src","alt":"say \\"hi\\""}       bytes between strings are looked at one by one, strings never
     ^    ^ ^        ^ ^   ^ ^          ^          quotes found
"""

import numpy as np

from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.lanes import bit_count, bytes_equal, first_bit

QUOTE, BACKSLASH, COMMA, COLON = 34, 92, 44, 58
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 123, 125, 91, 93
BROKEN = -1
"""Returned in place of a position when the value is no JSON."""
NAME, NAME_END, NEXT = range(3)
"""Places in a walk: the range of the name read last, and the number of the next quote."""
_SENTINELS = 8
SPARE_QUOTES = 64 + _SENTINELS
"""Room in the list of quotes beside one per byte."""

_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_ODD_BITS = np.uint64(0xAAAAAAAAAAAAAAAA)
_LAST_BIT = np.uint64(63)
_AT_ONCE = 12


@leaf
def index_quotes(data, begin, end, quotes):
    """Put the places of the quotes in ``data[begin:end]`` that are not escaped to `quotes`; some of `end` follow."""
    count = 0
    escaped_first = _ZERO  # whether the first byte of the next 64 is escaped
    for position in range(begin, end, 64):
        found = bytes_equal(data, position, QUOTE)
        slashes = bytes_equal(data, position, BACKSLASH)
        if end - position < 64:
            kept = _ALL >> np.uint64(64 - (end - position))
            found &= kept
            slashes &= kept
        if (slashes | escaped_first) != _ZERO:
            starts = slashes & ~escaped_first
            terminal = (((starts << _ONE) | _ODD_BITS) - starts) ^ _ODD_BITS
            found &= ~(terminal ^ (slashes | escaped_first))
            escaped_first = (terminal & slashes) >> _LAST_BIT
        size = bit_count(found)
        for i in range(_AT_ONCE):  # without a branch: what is written too much is written over
            quotes[count + i] = position + first_bit(found)
            found &= found - _ONE
        if size > _AT_ONCE:
            at = count + _AT_ONCE
            while found != _ZERO:
                quotes[at] = position + first_bit(found)
                found &= found - _ONE
                at += 1
        count += size
    for i in range(_SENTINELS):
        quotes[count + i] = end
    return count


@inlined
def skip_space(data, position, end):
    while position < end and data[position] <= 32:
        position += 1
    return position


@leaf
def skip_value(data, position, end, quotes, walk):
    """Return the position after the value that begins at `position`, `BROKEN` when it does not end."""
    depth = 0
    number = walk[NEXT]
    while True:
        quote = quotes[number]
        while position < quote:
            byte = data[position]
            if byte == COMMA:
                if depth == 0:
                    walk[NEXT] = number
                    return position
            elif byte in (OPEN_OBJECT, OPEN_ARRAY):
                depth += 1
            elif byte in (CLOSE_OBJECT, CLOSE_ARRAY):
                depth -= 1
                if depth <= 0:
                    walk[NEXT] = number
                    return position + 1 + depth  # the end of what holds the value is not part of it
            elif byte in (QUOTE, BACKSLASH):
                return BROKEN  # a backslash outside of texts
            position += 1
        position = quotes[number + 1] + 1
        if position > end:
            return BROKEN
        number += 2
        if depth == 0:
            walk[NEXT] = number
            return position


@leaf
def next_member(data, position, end, quotes, walk):
    """Step to the next member of an object; return the position of its value, `BROKEN` when the object is broken.

    The walk gets the range of the name; a `NAME` of -1 tells that the object has ended before the position returned.
    """
    position = skip_space(data, position, end)
    if position < end and data[position] == COMMA:
        position = skip_space(data, position + 1, end)
    if position >= end:
        return BROKEN
    if data[position] == CLOSE_OBJECT:
        walk[NAME] = -1
        return position + 1
    number = walk[NEXT]
    if quotes[number] != position:
        return BROKEN
    walk[NAME], walk[NAME_END], walk[NEXT] = position + 1, quotes[number + 1], number + 2
    position = skip_space(data, quotes[number + 1] + 1, end)
    if position >= end or data[position] != COLON:
        return BROKEN
    position = skip_space(data, position + 1, end)
    return position if position < end else BROKEN


@leaf
def is_name(data, walk, text):
    return walk[NAME_END] - walk[NAME] == len(text) and is_at(data, walk[NAME], walk[NAME_END], text)
