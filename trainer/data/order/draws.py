"""Random-looking numbers that are functions of their keys: the order of samples, their crops, their captions.

In: a seed and whole numbers that name what is drawn for. Out: 64 bits each, on every machine the same.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import inlined

UInt64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]

_INCREMENT, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(values: UInt64s) -> UInt64s:
    """Return a 64-bit hash of each value (the finaliser of SplitMix64: Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(_INCREMENT)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
        return mixed ^ (mixed >> np.uint64(31))


@inlined
def mixed(value: Any) -> Any:
    """Return `mix` of one uint64, in a kernel."""
    value = value + np.uint64(_INCREMENT)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_FIRST)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_SECOND)
    return value ^ (value >> np.uint64(31))


def key_of(seed: int, *numbers: int) -> np.uint64:
    """Return the key of a draw that `seed` and `numbers` name, in their order."""
    state = np.array([seed], dtype=np.uint64)
    for number in numbers:
        state = mix(state) ^ np.uint64(number)
    return np.uint64(mix(state)[0])


def keyed_hash(seed: int, epochs: Int64s, indices: Int64s, purpose: int) -> UInt64s:
    """Return 64 random-looking bits per (seed, epoch, index), different for each `purpose`."""
    state = mix(np.uint64(seed) ^ mix(np.full(len(indices), purpose, dtype=np.uint64)))
    return mix(mix(state ^ epochs.astype(np.uint64)) ^ indices.astype(np.uint64))
