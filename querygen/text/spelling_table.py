"""The table of spellings, compiled: a spelling's bytes in, its slot out, with its number, count and word's hash.

    table   one row a slot: HASH, COUNTED, WORD_HASH, PLACE      a power of two, at most two thirds taken
    arena   the spellings as 64-bit words, each from a word of its own on, zeros behind

Rows are found by the hash, then the next free one. Its arrays are replaced when they are full (`move_rows`), by
`querygen.counts.ngrams`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import kernel, spliced
from schemas.kernels.folding import finish_hash

HASH, COUNTED, WORD_HASH, PLACE = range(4)
"""Columns. COUNTED: count << 32 | number + 1, 0 for an empty slot; PLACE: offset in the arena << 11 | bytes."""

NUM_SURFACES, ARENA_USED = range(2)
"""The first fields of the state; the others are of `querygen.text.word_scan`."""

NUMBER_MASK = np.uint64((1 << 32) - 1)
_ONE = np.uint64(1 << 32)
_SIZE_BITS = np.uint64(11)
_SIZE_MASK = np.uint64((1 << 11) - 1)
_WORD_SHIFT = np.uint64(11 + 3)
_LONG_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Counts(NamedTuple):
    """What a scan counts into."""

    table: npt.NDArray[np.uint64]
    arena: npt.NDArray[np.uint64]
    keys: npt.NDArray[np.uint64]
    """``first number << 32 | second number`` of each bigram, in order."""
    state: npt.NDArray[np.int64]


@spliced
def load(chunks, i):
    """Return the 8 bytes at byte `i`; `chunks` are the bytes as aligned little-endian words."""
    shift = np.uint64((i & 7) << 3)
    return (chunks[i >> 3] >> shift) | ((chunks[(i >> 3) + 1] << np.uint64(1)) << (np.uint64(63) - shift))


@spliced
def _cut(chunk, size):
    """Return the first `size` (1 to 8) bytes, zeros behind."""
    return chunk & (~np.uint64(0) >> np.uint64(64 - 8 * size))


@spliced
def bytes_hash(chunks, begin, size):
    """Return the hash of a spelling as it stands; of different ones of up to 8 bytes it is never the same."""
    state = np.uint64(0)
    while size > 8:
        state = (state ^ load(chunks, begin)) * _LONG_PRIME
        state ^= state >> np.uint64(29)
        begin += 8
        size -= 8
    return finish_hash(state ^ _cut(load(chunks, begin), size))


@spliced
def find(chunks, begin, size, value, counts):
    """Return the slot where the spelling is or belongs; `value` is its hash."""
    table, arena = counts.table, counts.arena
    mask = len(table) - 1
    slot = np.int64(value & np.uint64(mask))
    while table[slot, COUNTED] != 0:
        if table[slot, HASH] == value:
            place = table[slot, PLACE]
            if np.int64(place & _SIZE_MASK) == size:
                if size <= 8:
                    return slot
                start = np.int64(place >> _WORD_SHIFT)
                left = size
                at = begin
                while left > 8 and arena[start] == load(chunks, at):
                    start += 1
                    at += 8
                    left -= 8
                if left <= 8 and arena[start] == _cut(load(chunks, at), left):
                    return slot
        slot = (slot + 1) & mask
    return slot


@spliced
def insert(chunks, begin, size, value, word_value, slot, counts):
    """Put the spelling into its free slot, with a count of 0; `word_value` is the hash of its normal form."""
    table, arena, state = counts.table, counts.arena, counts.state
    number = state[NUM_SURFACES]
    start = state[ARENA_USED]
    table[slot, HASH] = value
    table[slot, COUNTED] = number + 1
    table[slot, WORD_HASH] = word_value
    table[slot, PLACE] = (np.uint64(8 * start) << _SIZE_BITS) | np.uint64(size)
    left = size
    while left > 8:
        arena[start] = load(chunks, begin)
        start += 1
        begin += 8
        left -= 8
    arena[start] = _cut(load(chunks, begin), left)
    state[NUM_SURFACES] = number + 1
    state[ARENA_USED] = start + 1


@spliced
def count_at(slot, counts):
    """Count the spelling of `slot` once more; return its number."""
    counted = counts.table[slot, COUNTED]
    counts.table[slot, COUNTED] = counted + _ONE
    return np.int64(counted & NUMBER_MASK) - 1


@kernel
def move_rows(table, larger):
    """Move the rows of `table` to the empty, larger one."""
    mask = len(larger) - 1
    for row in range(len(table)):
        if table[row, COUNTED] != 0:
            slot = np.int64(table[row, HASH] & np.uint64(mask))
            while larger[slot, COUNTED] != 0:
                slot = (slot + 1) & mask
            larger[slot] = table[row]
