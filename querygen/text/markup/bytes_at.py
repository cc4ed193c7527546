"""Single bytes of a page, compiled: read at a place that may be behind the end, told apart, counted, written.

In: an array of bytes and a position in it. Out: what stands there, or the position after it.
"""

import numpy as np

from schemas.kernels.ascii import CAPITAL_A, CAPITAL_Z, SMALL_A, SMALL_Z
from schemas.kernels.compiled import spliced


@spliced
def is_capital_letter(byte):
    return CAPITAL_A <= byte <= CAPITAL_Z


@spliced
def is_letter(byte):
    return SMALL_A <= (byte | 32) <= SMALL_Z


@spliced
def at(source, position, size):
    """Return the byte at `position`, 0 behind the end."""
    return source[position] if position < size else np.uint8(0)


@spliced
def run_size(source, position, size, byte):
    """Return how many of `byte` stand at `position`, where the first one is."""
    run = 1
    while at(source, position + run, size) == byte:
        run += 1
    return run


@spliced
def put(out, position, byte):
    """Write `byte`; return the position after it."""
    out[position] = byte
    return position + 1
