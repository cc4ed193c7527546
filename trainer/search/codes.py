"""Features as 8-bit codes with an error that is known, and queries as integers to multiply them with.

In: rows, float32. Out: codes, a scale and the length of what the codes leave out, for each row of length one:

    row = scale * codes + left_out        |left_out . query| <= |left_out|        (Cauchy-Schwarz, |query| = 1)

Shapes: N rows, Q queries, E embedding.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import unlocked

CODE_LEVELS = 127
"""Codes are from -127 to 127."""
MAX_LEVELS = 32_767
SLACK = 1e-9
"""More than all rounding in float64 of a bound and of a score with `MAX_WIDTH` terms."""
MAX_WIDTH = 65_536


@dataclass(frozen=True)
class Codes:
    """Rows as integers."""

    codes_NE: npt.NDArray[np.int8]
    scales_N: npt.NDArray[np.float32]
    left_out_N: npt.NDArray[np.float32]
    """Length of what the codes leave out, rounded up."""

    def __len__(self) -> int:
        return len(self.codes_NE)


@dataclass(frozen=True)
class QueryCodes:
    """Queries of length one, as they are and as integers."""

    queries_QE: npt.NDArray[np.float64]
    codes_QE: npt.NDArray[np.int8] | npt.NDArray[np.int16]
    scales_Q: npt.NDArray[np.float64]
    left_out_Q: npt.NDArray[np.float64]

    def rows(self, start: int, stop: int) -> "QueryCodes":
        """Return queries `start` .. `stop` - 1."""
        own = slice(start, stop)
        return QueryCodes(self.queries_QE[own], self.codes_QE[own], self.scales_Q[own], self.left_out_Q[own])


def encode_rows(rows_NE: npt.NDArray[np.float32], what: str, first: int = 0) -> Codes:
    """Return the codes of rows, whatever their length. A row of zeros has the cosine 0 with everything.

    Raises ValueError that names `what` and the row (counted from `first`) which holds a number that is not finite.
    """
    num, width = rows_NE.shape
    found = Codes(
        np.empty((num, width), dtype=np.int8), np.empty(num, dtype=np.float32), np.empty(num, dtype=np.float32)
    )
    bad = _encode(np.ascontiguousarray(rows_NE), found.codes_NE, found.scales_N, found.left_out_N)
    if bad >= 0:
        raise ValueError(f"{what}, row {first + bad}: expected finite numbers, found others; embed again")
    return found


def encode_queries(queries_QE: npt.NDArray[np.floating], *, is_wide: bool) -> QueryCodes:
    """Return queries in 8 bits where they are many (`is_wide`), else in as many as sums in int32 allow.

    Raises ValueError for a query of zeros or one that is not finite.
    """
    unit_QE = queries_QE.astype(np.float64)
    lengths_Q1 = np.sqrt((unit_QE * unit_QE).sum(axis=1, keepdims=True))
    if not np.isfinite(lengths_Q1).all() or not lengths_Q1.all():
        row = int(np.flatnonzero(~np.isfinite(lengths_Q1[:, 0]) | (lengths_Q1[:, 0] == 0))[0])
        raise ValueError(f"query {row}: expected finite numbers that are not all 0")
    unit_QE /= lengths_Q1
    levels = CODE_LEVELS if is_wide else min(MAX_LEVELS, (2**31 - 1) // (CODE_LEVELS * unit_QE.shape[1]))
    scales_Q = np.abs(unit_QE).max(axis=1) / levels
    codes_QE = np.rint(unit_QE / scales_Q[:, None])
    left_out_QE = unit_QE - scales_Q[:, None] * codes_QE
    left_out_Q = np.sqrt((left_out_QE * left_out_QE).sum(axis=1))
    whole_QE: npt.NDArray[np.int8] | npt.NDArray[np.int16]
    whole_QE = codes_QE.astype(np.int8) if is_wide else codes_QE.astype(np.int16)
    return QueryCodes(unit_QE, whole_QE, scales_Q, left_out_Q)


@unlocked
def _encode(rows, codes, scales, left_out):
    """Fill the last three; return the first row that is not finite, else -1."""
    num, width = rows.shape
    for row in range(num):
        square, largest = 0.0, 0.0
        for i in range(width):
            value = np.float64(rows[row, i])
            square += value * value
            largest = max(largest, abs(value))
        if not np.isfinite(square):
            return row
        length = np.sqrt(square)
        scale = np.float32(largest / length / 127.0) if length > 0.0 else np.float32(0.0)
        error = 0.0
        for i in range(width):
            code = np.int8(0)
            if scale > 0.0:
                value = np.float64(rows[row, i]) / length
                code = np.int8(max(-127.0, min(127.0, np.rint(value / scale))))
                difference = value - np.float64(scale) * code
                error += difference * difference
            codes[row, i] = code
        scales[row] = scale
        left_out[row] = np.float32(np.sqrt(error) * 1.000001)
    return -1
