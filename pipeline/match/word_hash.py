"""64-bit hashes of words and phrases, compiled: what texts and queries are compared by.

In: bytes with `schemas.kernels.lanes.PADDING` behind them, or hashes. Out: a hash that is never 0: 0 is a free slot of
`pipeline.match.query_table`.
"""

import numpy as np

from schemas.kernels.compiled import inlined
from schemas.kernels.lanes import load_word

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xD6E8FEB86659FD93)
_K3 = np.uint64(0xA0761D6478BD642F)
_32 = np.uint64(32)
_ONE = np.uint64(1)

_FIRST_HALF = tuple(np.uint64((1 << 8 * min(size, 8)) - 1) for size in range(17))
_SECOND_HALF = tuple(np.uint64((1 << 8 * max(size - 8, 0)) - 1) for size in range(17))
_MASKS = np.array(_FIRST_HALF + _SECOND_HALF, dtype=np.uint64)
"""What of the first and the second 8 of 16 loaded bytes belongs to a word of 0 to 16 bytes."""

KEPT = np.uint64(0)
SMALL = np.uint64(0x2020202020202020)
"""The bit in which a capital ASCII letter and its small one differ; digits have it set."""


@inlined
def join_hash(prefix, word):
    """Return the hash of a phrase: of its prefix and the next word. Never 0."""
    state = prefix * _K3 + word
    state ^= state >> _32
    return state if state != 0 else _ONE


@inlined
def seeded(word, seed):
    """Return the hash of a word of one language. Never 0."""
    return word ^ seed if word != seed else _ONE


@inlined
def _mixed(state, low, high):
    state = (state + low) * _K1
    state ^= state >> _32
    state = (state + high) * _K2
    return state ^ (state >> _32)


@inlined
def bytes_hash(data, begin, size, case):
    """Return the hash of ``data[begin:begin + size]``. Never 0.

    `case` is `KEPT` or, for ASCII letters and digits only, `SMALL`: then it is the hash of the small letters.
    """
    state = np.uint64(size) * _K3
    while size > 16:
        state = _mixed(state, load_word(data, begin) | case, load_word(data, begin + 8) | case)
        begin += 16
        size -= 16
    low = (load_word(data, begin) | case) & _MASKS[np.uint64(size)]
    high = (load_word(data, begin + 8) | case) & _MASKS[np.uint64(size + 17)]
    state = _mixed(state, low, high) * _K3
    state ^= state >> _32
    return state if state != 0 else _ONE


@inlined
def character_hash(code):
    """Return the hash of one character."""
    return _mixed(np.uint64(0), np.uint64(code) + _ONE, np.uint64(0))
