"""The prefix codes of a bzip2 block: packed bits in, tables that tell a symbol by the next bits out.

    bits -> lengths of codes -> look (short codes, by the next LOOK_BITS bits), limits, offsets, order (the longer ones)

The codes are canonical: they follow from their lengths and the order of the symbols.
"""

import numpy as np

from schemas.kernels.compiled import kernel

PADDING = 16
"""Bytes that must follow the packed ones, so that reading ahead needs no test."""

LOOK_BITS = 11
MAX_CODE_BITS = 20


@kernel
def peek(data, bit, num_bits):
    """Return `num_bits` (at most 32) from `bit` on."""
    place = np.uint64(bit) >> np.uint64(3)
    value = np.uint64(0)
    for ahead in range(np.uint64(5)):
        value = (value << np.uint64(8)) | np.uint64(data[place + np.uint64(ahead)])
    return np.int64((value >> np.uint64(40 - (bit & 7) - num_bits)) & np.uint64((1 << num_bits) - 1))


@kernel
def read_lengths(data, bit, num_symbols, lengths):
    """Read the code lengths of one table; return the bit behind, or -1."""
    length = peek(data, bit, 5)
    bit += 5
    limit = 8 * (len(data) - PADDING)
    for symbol in range(num_symbols):
        while True:
            if length < 1 or length > MAX_CODE_BITS or bit > limit:
                return -1
            if peek(data, bit, 1) == 0:
                bit += 1
                break
            length += 1 - 2 * peek(data, bit + 1, 1)
            bit += 2
        lengths[symbol] = length
    return bit


@kernel
def _entry(symbol):
    """Return what `_read_pairs` knows of a symbol, above 5 bits for the length of its code.

    Bit 5: it is no digit of a run; bit 6: the value of the digit; from bit 7: the symbol, 0 for a digit.
    """
    return symbol << 6 if symbol <= 1 else (symbol << 7) | 32


@kernel
def make_table(lengths, num_symbols, look, limits, offsets, order):
    """Make the canonical code: `look` gives by the next bits `_entry` with the code's length, 0 for a longer one."""
    look[:] = 0
    code = place = 0
    for length in range(1, MAX_CODE_BITS + 1):
        offsets[length] = place - code
        for symbol in range(num_symbols):
            if lengths[symbol] == length:
                order[place] = symbol
                if length <= LOOK_BITS:
                    first = code << (LOOK_BITS - length)
                    for entry in range(first, min(first + (1 << (LOOK_BITS - length)), 1 << LOOK_BITS)):
                        look[entry] = _entry(symbol) | length
                place += 1
                code += 1
        limits[length] = code  # codes of this length are below it
        code <<= 1


@kernel
def long_code(ahead, limits, offsets, order, end_symbol):
    """Return (entry, length) of a code longer than `LOOK_BITS`; length 0: there is none."""
    for length in range(LOOK_BITS + 1, MAX_CODE_BITS + 1):
        code = np.int64(ahead >> np.uint64(64 - length))
        if code < limits[length]:
            index = code + offsets[length]
            if index < 0 or index > end_symbol:
                break
            return np.uint64(_entry(order[index])), np.uint64(length)
    return np.uint64(0), np.uint64(0)
