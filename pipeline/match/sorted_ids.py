"""A text's matches, sorted, each once, compiled.

In: the query ids found in a text, in any order. Out: the ids appended to the column's values.
"""

import numpy as np

from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.lanes import NUMBER_LANES, bit_count, numbers_below, numbers_equal


@leaf
def _sift(numbers, begin, parent, size):
    """Let number `parent` of the heap ``numbers[begin:begin + size]`` sink to its place."""
    value = numbers[begin + parent]
    while 2 * parent + 1 < size:
        child = 2 * parent + 1
        if child + 1 < size and numbers[begin + child] < numbers[begin + child + 1]:
            child += 1
        if numbers[begin + child] <= value:
            break
        numbers[begin + parent] = numbers[begin + child]
        parent = child
    numbers[begin + parent] = value


@leaf
def _put_many_sorted(found, begin, end, out, written):
    """`put_sorted` of any number of matches, by a heap, in place."""
    for parent in range((end - begin) // 2 - 1, -1, -1):
        _sift(found, begin, parent, end - begin)
    for size in range(end - begin - 1, 0, -1):
        found[begin], found[begin + size] = found[begin + size], found[begin]
        _sift(found, begin, 0, size)
    for i in range(begin, end):
        if i == begin or found[i] != found[i - 1]:
            out[written] = found[i]
            written += 1
    return written


@inlined
def put_sorted(found, begin, end, out, written):
    """Append ``found[begin:end]`` to `out`, sorted, each number once; return the new end.

    A text has a handful of matches: each goes to the place that is the number of smaller ones, without a branch that
    the processor could guess wrong. `found` and `out` have room for `NUMBER_LANES` more.
    """
    size = end - begin
    if size > 2 * NUMBER_LANES:
        return _put_many_sorted(found, begin, end, out, written)
    all_bits = (np.uint64(1) << np.uint64(size)) - np.uint64(1)
    kept = all_bits
    repeated = np.uint64(0)
    high = size > NUMBER_LANES
    while True:
        bit = np.uint64(1)
        for i in range(begin, end):
            value = found[i]
            smaller = numbers_below(found, begin, value)
            equal = numbers_equal(found, begin, value)
            if high:
                smaller |= numbers_below(found, begin + NUMBER_LANES, value) << np.uint64(NUMBER_LANES)
                equal |= numbers_equal(found, begin + NUMBER_LANES, value) << np.uint64(NUMBER_LANES)
            repeated |= bit if equal & (bit - np.uint64(1)) != 0 else np.uint64(0)
            bit <<= np.uint64(1)
            out[written + bit_count(smaller & kept)] = value
        if kept == all_bits & ~repeated:
            return written + bit_count(kept)
        kept = all_bits & ~repeated  # some number stands there twice: now without its repeats
