"""Values of JSON objects and lists by name and place, without building them. Compiled.

In: a buffer with `PADDING` bytes behind the last one, and where in it valid JSON values stand. Out: where the values of
a name stand (-1: nowhere) and of which kinds (`pipeline.sources.tables.value_kinds`) each is; their plain texts: a text
unescaped, all else as it stands.
"""

import numpy as np

from pipeline.sources.pairs.escapes import write_json
from pipeline.sources.tables.value_kinds import (
    BIG,
    BOOL,
    FLOAT,
    HUGE,
    INEXACT,
    INT,
    LIST,
    NEGATIVE,
    NOTHING,
    OBJECT,
    TEXT,
    UINT,
)
from pipeline.sources.wat.json_scan import (
    BACKSLASH,
    BROKEN,
    CLOSE_ARRAY,
    COMMA,
    NAME,
    NAME_END,
    NEXT,
    OPEN_ARRAY,
    OPEN_OBJECT,
    QUOTE,
    SPARE_QUOTES,
    index_quotes,
    next_member,
    skip_space,
    skip_value,
)
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import find_either, is_at
from schemas.kernels.compiled import leaf, unlocked
from schemas.kernels.lanes import PADDING as PADDING

_NEWLINE, _MINUS, _ZERO, _NINE, _POINT, _PLUS = 10, 45, 48, 57, 46, 43
_N, _T, _F, _U, _E = 110, 116, 102, 117, 101
_MAX_EXPONENT, _MIN_EXPONENT, _NO_EXPONENT = 308, -290, 9_999
_EXACT, _MAX_INT64 = np.uint64(1 << 53), np.uint64((1 << 63) - 1)
_MAX_UINT64, _TEN = np.uint64((1 << 64) - 1), np.uint64(10)


@leaf
def _kinds_of_number(data, begin, end):
    negative = data[begin] == _MINUS
    i = begin + negative
    if i < end and not _ZERO <= data[i] <= _NINE:
        return FLOAT  # NaN, Infinity
    value, digits, overflows = np.uint64(0), 0, False
    while i < end and _ZERO <= data[i] <= _NINE:
        digit = np.uint64(data[i] - _ZERO)
        overflows = overflows or bool(value > (_MAX_UINT64 - digit) // _TEN)
        value = value * _TEN + digit
        digits += 1
        i += 1
    if i == end:
        kinds = NEGATIVE if negative and value != np.uint64(0) else 0
        if overflows:
            return kinds | BIG | INEXACT
        significant = value
        while significant > _EXACT and significant & np.uint64(1) == np.uint64(0):
            significant >>= np.uint64(1)
        kinds |= INEXACT if significant > _EXACT else 0
        if value <= _MAX_INT64 or (negative and value == _MAX_INT64 + np.uint64(1)):
            return kinds | INT
        return kinds | (BIG if negative else UINT)
    if data[i] == _POINT:
        i += 1
        while i < end and _ZERO <= data[i] <= _NINE:
            i += 1
    exponent = 0
    if i < end:  # e or E
        i += 1
        below = data[i] == _MINUS
        i += data[i] == _MINUS or data[i] == _PLUS
        while i < end:
            exponent = min(10 * exponent + data[i] - _ZERO, _NO_EXPONENT)
            i += 1
        exponent = -exponent if below else exponent
    return FLOAT | (HUGE if digits + exponent > _MAX_EXPONENT or exponent < _MIN_EXPONENT else 0)


@leaf
def _kinds_of_value(data, begin, end):
    first = data[begin]
    if first == QUOTE:
        return TEXT
    if first == OPEN_OBJECT:
        return OBJECT
    if first == OPEN_ARRAY:
        return LIST
    if first in (_T, _F):
        return BOOL
    if first == _N and data[begin + 1] == _U:
        return NOTHING
    return _kinds_of_number(data, begin, end)


@leaf
def _note(data, begin, end, row, bounds, kinds):
    """Note the value of a row, white space behind it left out."""
    while data[end - 1] <= 32:
        end -= 1
    bounds[row, 0], bounds[row, 1] = begin, end
    kinds[row] = _kinds_of_value(data, begin, end)


@leaf
def _place_of(data, begin, end, names, name_ends):
    """Return the place among `names` of the one at ``data[begin:end]``, -1 when it is none of them."""
    first = 0
    for place in range(len(name_ends)):
        size = name_ends[place] - first
        if size == end - begin:
            i = 0
            while i < size and data[begin + i] == names[first + i]:
                i += 1
            if i == size:
                return place
        first = name_ends[place]
    return -1


@leaf
def _place_read(data, walk, names, name_ends, scratch):
    """Return the place of the name read last, its escapes undone."""
    begin, end = walk[NAME], walk[NAME_END]
    place = _place_of(data, begin, end, names, name_ends)
    if place >= 0 or end - begin > len(scratch) or find_either(data, begin, end, BACKSLASH, BACKSLASH) == end:
        return place
    return _place_of(scratch, 0, write_json(data, begin, end, scratch, 0), names, name_ends)


@unlocked
def find_members(data, objects, names, name_ends, longest, bounds, kinds):
    """Fill `bounds` (shape ``[names, rows, 2]``) and `kinds` with the members of `objects` that have one of `names`.

    `objects` tells where a value begins and ends, `longest` how many bytes the longest takes; a row without one (-1),
    or with one that is no object, has no member. The bytes of `names` end at `name_ends`. Of equal names in an object
    the last counts.
    """
    quotes = np.empty(longest + SPARE_QUOTES, dtype=np.int64)
    walk = np.zeros(3, dtype=np.int64)
    scratch = np.empty(6 * len(names) + PADDING, dtype=np.uint8)
    bounds[:] = -1
    kinds[:] = NOTHING
    for row in range(len(objects)):
        begin, end = objects[row, 0], objects[row, 1]
        if begin < 0 or data[begin] != OPEN_OBJECT:
            continue
        index_quotes(data, begin, end, quotes)
        walk[NEXT] = 0
        position = begin + 1
        while True:
            position = next_member(data, position, end, quotes, walk)
            if position == BROKEN or walk[NAME] < 0:
                break
            place = _place_read(data, walk, names, name_ends, scratch)
            after = skip_value(data, position, end, quotes, walk)
            if after == BROKEN:
                break
            if place >= 0:
                _note(data, position, after, row, bounds[place], kinds[place])
            position = after


@unlocked
def find_items(data, lists, longest, parents, bounds, kinds):
    """Fill `parents` (the row of each item), `bounds` and `kinds` with the items of `lists`; return how many there are.

    A row that is no list, or an empty one, is an item itself, of no kind. There is room for an item a byte.
    """
    quotes = np.empty(longest + SPARE_QUOTES, dtype=np.int64)
    walk = np.zeros(3, dtype=np.int64)
    count = 0
    for row in range(len(lists)):
        begin, end = lists[row, 0], lists[row, 1]
        first = count
        if begin >= 0 and data[begin] == OPEN_ARRAY:
            index_quotes(data, begin, end, quotes)
            walk[NEXT] = 0
            position = skip_space(data, begin + 1, end)
            while position < end and data[position] != CLOSE_ARRAY:
                after = skip_value(data, position, end, quotes, walk)
                if after == BROKEN:
                    break
                _note(data, position, after, count, bounds, kinds)
                parents[count] = row
                count += 1
                position = skip_space(data, after, end)
                if position < end and data[position] == COMMA:
                    position = skip_space(data, position + 1, end)
        if count == first:
            parents[count] = row
            bounds[count, 0] = bounds[count, 1] = -1
            kinds[count] = NOTHING
            count += 1
    return count


@unlocked
def write_plain_texts(data, bounds, kinds, out, ends):
    """Write the plain text of each value to `out`, and its end to `ends` (one more than rows); return the size."""
    size = 0
    for row in range(len(bounds)):
        begin, end = bounds[row, 0], bounds[row, 1]
        if kinds[row] == TEXT:
            size = write_json(data, begin + 1, end - 1, out, size)
        elif kinds[row] != NOTHING:
            size = copy_bytes(data, begin, end, out, size)
        ends[row + 1] = size
    return size


@unlocked
def find_lines(data, end, bounds):
    """Fill `bounds` with the lines that are not blank, white space and a byte order mark before them left out.

    Return (their number, the bytes of the longest line, its end included).
    """
    row = longest = 0
    begin = np.int64(0)
    while begin < end:
        stop = find_either(data, begin, end, _NEWLINE, _NEWLINE)
        i = begin
        while i < stop and (data[i] == 32 or 9 <= data[i] <= 13):
            i += 1
        if i < stop:
            if is_at(data, i, stop, b"\xef\xbb\xbf"):
                i = skip_space(data, i + 3, stop)
            bounds[row, 0], bounds[row, 1] = i, stop
            row += 1
        longest = max(longest, stop + 1 - begin)
        begin = stop + 1
    return row, longest
