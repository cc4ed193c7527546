"""What a run holds as bytes: bigrams in about 3 bytes instead of 12, size and count of a spelling in 2 instead of 6.

    for each first:  varint(first - the one before), varint(number of its pairs),
                     and for each pair:  varint(second - the one before), varint(count)
    for each spelling:  varint(size), varint(count)

A varint holds 7 bits a byte, the lowest first; the top bit says that more follow (as in Protocol Buffers). What is
decoded comes from a file and is trusted in nothing: a number that leads out of an array, or out of the bytes, ends it.
"""

import numpy as np

from schemas.kernels.compiled import kernel, spliced

MAX_BYTES_PER_PAIR = 20
"""Room for a pair that has a first of its own: four varints of 32 bits."""
MAX_BYTES_PER_HEAD = 8
"""Room for the size (16 bits) and the count (32 bits) of a spelling."""
BROKEN = -1
"""In place of a number of rows: these bytes were not written here."""

_MAX_BYTES = 9
"""Of a number: more would have more than 63 bits."""


@spliced
def _write(out, at, value):
    while value >= 128:
        out[at] = (value & 127) | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@spliced
def _read(data, at):
    """Return (value, position behind) of a number of bytes that `_are_numbers`; there is one at `at`."""
    byte = np.int64(data[at])
    at += 1
    if byte < 128:
        return byte, at
    value = byte & 127
    shift = 7
    while True:
        byte = np.int64(data[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


@kernel
def _are_numbers(data):
    """Tell whether `data` is numbers of at most 63 bits, the last of them whole: then none leads out of the bytes."""
    going_on = 0
    for byte in data:
        going_on = going_on + 1 if byte >= 128 else 0
        if going_on == _MAX_BYTES:
            return False
    return going_on == 0


@kernel
def encode_pairs(first, second, counts, begin, end, out):
    """Write the pairs ``begin .. end - 1``, sorted by (first, second), to `out`; return the bytes written."""
    at = 0
    previous = np.int64(0)
    i = begin
    while i < end:
        group = i
        while i < end and first[i] == first[group]:
            i += 1
        at = _write(out, at, np.int64(first[group]) - previous)
        previous = np.int64(first[group])
        at = _write(out, at, i - group)
        before = np.int64(0)
        for pair in range(group, i):
            at = _write(out, at, np.int64(second[pair]) - before)
            before = np.int64(second[pair])
            at = _write(out, at, np.int64(counts[pair]))
    return at


@kernel
def decode_pairs(data, numbers, keys, counts):
    """Write ``numbers[first] << 32 | numbers[second]`` and the count of each pair of which both have a number.

    Returns how many were written to `keys` and `counts`, or `BROKEN`. A number below 0 is none.
    """
    if not _are_numbers(data):
        return BROKEN
    at = 0
    row = 0
    end = len(data)
    first = np.int64(0)
    while at < end:
        gap, at = _read(data, at)
        if at == end:
            return BROKEN
        size, at = _read(data, at)
        first += gap  # a sum of more than 63 bits is below 0
        if first < 0 or first >= len(numbers) or size > (end - at) // 2:
            return BROKEN
        number = numbers[first]
        high = np.uint64(number) << np.uint64(32)
        second = np.int64(0)
        for _ in range(size):
            if at + 1 >= end:
                return BROKEN
            gap, at = _read(data, at)
            if at == end:
                return BROKEN
            count, at = _read(data, at)
            second += gap
            if second < 0 or second >= len(numbers):
                return BROKEN
            other = numbers[second]
            if number >= 0 and other >= 0:
                if row == len(keys):
                    return BROKEN
                keys[row] = high | np.uint64(other)
                counts[row] = count
                row += 1
    return row


@kernel
def encode_heads(sizes, counts, begin, end, out):
    """Write size and count of the spellings ``begin .. end - 1`` to `out`; return the bytes written."""
    at = 0
    for row in range(begin, end):
        at = _write(out, at, np.int64(sizes[row]))
        at = _write(out, at, np.int64(counts[row]))
    return at


@kernel
def decode_heads(data, max_size, sizes, counts):
    """Fill `sizes` and `counts`; return the sum of the sizes, or `BROKEN` unless `data` holds exactly so many.

    No size is more than `max_size`.
    """
    if not _are_numbers(data):
        return np.int64(BROKEN)
    at = 0
    end = len(data)
    total = np.int64(0)
    for row in range(len(sizes)):
        if at + 1 >= end:
            return np.int64(BROKEN)
        size, at = _read(data, at)
        if at == end:
            return np.int64(BROKEN)
        count, at = _read(data, at)
        if size > max_size or count >= 1 << 32:
            return np.int64(BROKEN)
        sizes[row] = size
        counts[row] = count
        total += size
    return total if at == end else np.int64(BROKEN)
