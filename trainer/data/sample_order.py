"""The order of samples: a pure function of (seed, epoch, place), the same for any number of workers.

A run walks places 0, 1, 2, ... of one endless sequence; epoch e is places e*n .. (e+1)*n - 1, and within it
every sample comes exactly once. The permutation is a keyed Feistel network with cycle walking, so no list
of n numbers is kept or sent anywhere.
"""

import numpy as np
import numpy.typing as npt

UInt64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]

ROUNDS = 6


def mix(values: UInt64s) -> UInt64s:
    """Return a 64-bit hash of each value (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def keyed_hash(seed: int, epochs: Int64s, indices: Int64s, purpose: int) -> UInt64s:
    """Return 64 random-looking bits per (seed, epoch, index), different for each `purpose`."""
    state = mix(np.uint64(seed) ^ mix(np.full(len(indices), purpose, dtype=np.uint64)))
    return mix(mix(state ^ epochs.astype(np.uint64)) ^ indices.astype(np.uint64))


def _permute(seed: int, epochs: Int64s, places: UInt64s, num_samples: int) -> UInt64s:
    half_bits = max(1, (max(1, (num_samples - 1).bit_length()) + 1) // 2)
    shift, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    keys = mix(np.uint64(seed) ^ mix(epochs.astype(np.uint64)))

    def encrypt(values: UInt64s, keys: UInt64s) -> UInt64s:
        left, right = values >> shift, values & mask
        for turn in range(ROUNDS):
            left, right = right, left ^ (mix(mix(keys ^ np.uint64(turn)) ^ right) & mask)
        return (left << shift) | right

    values = encrypt(places, keys)
    outside = np.flatnonzero(values >= num_samples)
    while len(outside):  # the domain is at most four times num_samples, so a few turns
        values[outside] = encrypt(values[outside], keys[outside])
        outside = outside[values[outside] >= num_samples]
    return values


def samples_at(places: Int64s, *, seed: int, num_samples: int) -> tuple[Int64s, Int64s]:
    """Return (epoch, index of the sample) of each place of the run's sequence."""
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, found {num_samples!r}")
    epochs = places // num_samples
    indices = _permute(seed, epochs, (places % num_samples).astype(np.uint64), num_samples)
    return epochs, indices.astype(np.int64)
