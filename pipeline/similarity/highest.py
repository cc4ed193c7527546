"""The k-th highest of numbers that do not fit memory: they are read four times, 65,536 counts are held."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

_DIGIT_BITS = 16
_SIGN = np.uint64(1 << 63)


def kth_highest(read: Callable[[], Iterable[npt.NDArray[np.float64]]], k: int) -> float:
    """Return the `k`-th highest (from 1) of all numbers that ``read()`` gives, each time the same, none of them NaN.

    Raises ValueError when there are fewer.
    """
    found = np.uint64(0)
    for shift in range(64 - _DIGIT_BITS, -1, -_DIGIT_BITS):
        counts = np.zeros(1 << _DIGIT_BITS, dtype=np.int64)
        for values in read():
            bits = _ordered(values)
            if shift + _DIGIT_BITS < 64:
                bits = bits[bits >> np.uint64(shift + _DIGIT_BITS) == found]
            digits = (bits >> np.uint64(shift)) & np.uint64(len(counts) - 1)
            counts += np.bincount(digits.astype(np.int64), minlength=len(counts))
        from_top = np.cumsum(counts[::-1])
        if k > from_top[-1]:
            raise ValueError(f"expected at least {k} numbers, found {from_top[-1]}")
        place = int(np.searchsorted(from_top, k))
        k -= int(from_top[place - 1]) if place else 0
        found = (found << np.uint64(_DIGIT_BITS)) | np.uint64(len(counts) - 1 - place)
    whole = found ^ _SIGN if found & _SIGN else ~found
    return float(np.array([whole], dtype=np.uint64).view(np.float64)[0])


def _ordered(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """Return bits that are in the order of the numbers; both zeros are one."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)
