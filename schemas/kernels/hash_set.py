"""A set of 64-bit hashes in one array: hashes in; whether each is in the set out. For lists of millions.

::

    home of a hash: 47 bits of its product with an odd number; where another is, the next free slot, round the end

    slots    [0][c][a][0][b] ...    0: free; a hash of 0 is kept as 1

A set is made of all its hashes at once and never grows. Its slots are a power of two, at most half taken, so a search
always ends at a free one, after 1.5 slots for a member and 2.5 for another on average. Memory: 16 to 32 bytes per
member. Something else is wrongly taken for a member of a set of n with n / 2^64; where that must not be, or strangers
choose what is hashed, see `schemas.kernels.bytes_map`.
"""

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import leaf, spliced

UInt64Array = npt.NDArray[np.uint64]


@spliced
def find(slots, key):
    """Return the slot of `key` in the set whose array is `slots`, or the free one where it belongs."""
    mask = np.uint64(len(slots) - 1)
    wanted = key if key != 0 else np.uint64(1)
    slot = (wanted * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(17) & mask
    while slots[slot] != 0 and slots[slot] != wanted:
        slot = (slot + np.uint64(1)) & mask
    return slot


@spliced
def holds(slots, key):
    """Tell whether `key` is in the set whose array is `slots`; for use in kernels."""
    return slots[find(slots, key)] != 0


@leaf
def _fill(slots, keys):
    for key in keys:
        slots[find(slots, key)] = key if key != 0 else np.uint64(1)


@leaf
def _contains(slots, keys, found):
    for row in range(len(keys)):
        found[row] = holds(slots, keys[row])


def hash_set(keys: UInt64Array) -> UInt64Array:
    """Return the array of the set of `keys`, at most half full."""
    slots = np.zeros(1 << max(4, (2 * len(keys)).bit_length()), dtype=np.uint64)
    _fill(slots, np.ascontiguousarray(keys))
    return slots


def contains(slots: UInt64Array, keys: UInt64Array) -> npt.NDArray[np.bool_]:
    """Tell of each key whether it is in the set made by `hash_set`."""
    found = np.zeros(len(keys), dtype=np.bool_)
    _contains(slots, np.ascontiguousarray(keys), found)
    return found
