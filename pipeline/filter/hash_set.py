"""A set of 64-bit hashes in one array: hashes in, whether each is in the set out. For lists of millions.

Memory: 16 to 32 bytes per member. Something else is wrongly taken for a member of a set of n with n / 2^64.
"""

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import kernel, spliced

UInt64Array = npt.NDArray[np.uint64]


@spliced
def holds(slots, key):
    """Tell whether `key` is in the set whose array is `slots`; for use in kernels."""
    mask = np.uint64(len(slots) - 1)
    wanted = key if key != 0 else np.uint64(1)  # 0 marks an empty slot
    slot = (wanted * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(17) & mask
    while slots[slot] != 0 and slots[slot] != wanted:
        slot = (slot + np.uint64(1)) & mask
    return slots[slot] == wanted


@kernel
def _fill(slots, keys):
    mask = np.uint64(len(slots) - 1)
    for key in keys:
        wanted = key if key != 0 else np.uint64(1)
        slot = (wanted * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(17) & mask
        while slots[slot] != 0 and slots[slot] != wanted:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = wanted


@kernel
def _contains(slots, keys, found):
    for row in range(len(keys)):
        found[row] = holds(slots, keys[row])


def hash_set(keys: UInt64Array) -> UInt64Array:
    """Return the array of the set of `keys`, at most half full."""
    slots = np.zeros(1 << max(4, (2 * len(keys)).bit_length()), dtype=np.uint64)
    _fill(slots, keys)
    return slots


def contains(slots: UInt64Array, keys: UInt64Array) -> npt.NDArray[np.bool_]:
    """Tell of each key whether it is in the set made by `hash_set`."""
    found = np.zeros(len(keys), dtype=np.bool_)
    _contains(slots, np.ascontiguousarray(keys), found)
    return found
