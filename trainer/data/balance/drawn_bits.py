"""Which samples an epoch has: a bit for each sample, set by draw; counted by block, and found by their number.

In: chances, and the key of an epoch's draws. Out: bits, the lowest of a byte first. Integer arithmetic alone: every
machine draws the same. A nanosecond a sample.
"""

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import leaf, unlocked
from trainer.data.balance.chances import ALWAYS
from trainer.data.order.draws import mix, mixed

BALANCE_DRAW = 4
"""Purpose of the draw, beside those of `trainer/data/row_reader.py`."""

UInt8s = npt.NDArray[np.uint8]

SET_BITS = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def draw_key(seed: int, epoch: int) -> np.uint64:
    """Return the key that makes `draw_bits` draw sample i by ``keyed_hash(seed, epoch, i, BALANCE_DRAW)``."""
    purpose = mix(np.array([BALANCE_DRAW], dtype=np.uint64))
    return np.uint64(mix(mix(np.uint64(seed) ^ purpose) ^ np.uint64(epoch))[0])


@unlocked
def draw_bits(chances, key, first_id, bits):
    """Set in `bits` those of the samples with these `chances` that are drawn; return how many they are.

    Sample i of them has the id `first_id` + i. `bits` are 0 before.
    """
    always = np.uint32(ALWAYS)
    drawn = 0
    for sample in range(len(chances)):
        chance = chances[sample]
        draw = mixed(key ^ (first_id + np.uint64(sample))) >> np.uint64(32)
        if draw < np.uint64(chance) or chance == always:
            bits[sample >> 3] |= np.uint8(1 << (sample & 7))
            drawn += 1
    return drawn


@unlocked
def count_bits(bits, firsts, sizes, set_bits, counts):
    """Write how many bits are set of the `sizes[i]` from `firsts[i]` on."""
    for block in range(len(firsts)):
        first, last = firsts[block], firsts[block] + sizes[block]
        total = 0
        for byte in range(first >> 3, (last + 7) >> 3):
            total += set_bits[_inside(bits, byte, first, last)]
        counts[block] = total


@unlocked
def find_bits(bits, firsts, sizes, set_bits, numbers, places):
    """Write the place, from `firsts[i]` on, of set bit number `numbers[i]` of the `sizes[i]` there; -1 for none."""
    for row in range(len(firsts)):
        first, last = firsts[row], firsts[row] + sizes[row]
        left = numbers[row]
        places[row] = -1
        for byte in range(first >> 3, (last + 7) >> 3):
            value = _inside(bits, byte, first, last)
            if left >= set_bits[value]:
                left -= set_bits[value]
                continue
            for bit in range(8):
                if (value >> bit) & 1:
                    if left == 0:
                        places[row] = byte * 8 + bit - first
                    left -= 1
            break


@leaf
def _inside(bits, byte, first, last):
    """Return a byte of `bits` with those before `first` and from `last` on cleared."""
    value = np.int64(bits[byte])
    if byte * 8 < first:
        value &= 0xFF << (first - byte * 8)
    if byte * 8 + 8 > last:
        value &= 0xFF >> (byte * 8 + 8 - last)
    return value
