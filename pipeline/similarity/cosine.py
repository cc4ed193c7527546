"""Cosines that are the same on every machine: float32 products decide what is clear, float64 the rest.

Features are taken as float16. A product of two float16 numbers has 22 bits, and of vectors of about length one the sum
of such products is a multiple of 2**-48 below 2: float64 holds it exactly, so it is the same in any order of addition,
with any BLAS and any number of threads. A float32 product, the fast way for whole tiles, is off by at most `margin`.

Shapes: N, M rows, E embedding.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LENGTH_TOLERANCE = 0.02
"""How far from one a length may be: float16 numbers of a vector of length one make it 1 within 0.001."""

PAIRS_AT_ONCE = 4_096
"""Pairs whose cosine is taken in float64 at a time: 32 MiB at 512."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """Rows of features: 6 bytes a number."""

    half_NE: npt.NDArray[np.float16]
    unit_NE: Floats
    """Divided by their lengths, for what float32 can decide."""
    lengths_N: Doubles

    def __len__(self) -> int:
        return len(self.half_NE)


def features(values_NE: npt.NDArray[np.floating]) -> Features:
    """Return rows as features. Their lengths are not checked: `odd_rows`."""
    half_NE = values_NE.astype(np.float16, copy=False)
    lengths_N = lengths(half_NE)
    divisors_N = np.where(lengths_N > 0, lengths_N, 1).astype(np.float32)
    return Features(half_NE, half_NE.astype(np.float32) / divisors_N[:, None], lengths_N)


def lengths(half_NE: npt.NDArray[np.float16]) -> Doubles:
    """Return the length of each row."""
    wide_NE = half_NE.astype(np.float64)
    return np.sqrt(np.einsum("ne,ne->n", wide_NE, wide_NE))


def odd_rows(lengths_N: Doubles) -> npt.NDArray[np.bool_]:
    """Tell of each length whether it is not about one: also what is not finite."""
    return ~(np.abs(lengths_N - 1) <= LENGTH_TOLERANCE)


def margin(width: int) -> float:
    """Return by how much a float32 product of two rows of `Features.unit_NE` is at most off their cosine.

    Each of the E products and sums rounds by 2**-24 of what is at most 1 altogether, as do both roundings of the rows.
    """
    return (width + 16) * 2.0**-24


def cosines(left: Features, rows_K: Ints, right: Features, others_K: Ints) -> Doubles:
    """Return the cosine of each pair (row of `left`, row of `right`), exact but for the last rounding."""
    found_K = np.empty(len(rows_K))
    for begin in range(0, len(rows_K), PAIRS_AT_ONCE):
        piece = slice(begin, begin + PAIRS_AT_ONCE)
        rows, others = rows_K[piece], others_K[piece]
        products = np.einsum(
            "ne,ne->n", left.half_NE[rows].astype(np.float64), right.half_NE[others].astype(np.float64)
        )
        found_K[piece] = products / (left.lengths_N[rows] * right.lengths_N[others])
    return found_K


def at_least(left: Features, right: Features, threshold: float) -> npt.NDArray[np.bool_]:
    """Tell of each pair of rows ``[N, M]`` whether its cosine is `threshold` or more."""
    off = margin(left.half_NE.shape[1])
    products_NM = left.unit_NE @ right.unit_NE.T
    found_NM: npt.NDArray[np.bool_] = products_NM >= threshold
    rows, others = np.nonzero(np.abs(products_NM - threshold) <= off)
    if len(rows):
        found_NM[rows, others] = cosines(left, rows, right, others) >= threshold
    return found_NM
