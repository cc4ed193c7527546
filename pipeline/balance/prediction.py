"""The size to expect of a selection, from the matches alone. Pure; sums of integers, so no order matters."""

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import unlocked

FIXED_POINT = 2**28
"""Probabilities are whole multiples of 2^-28, so that 3e10 pairs sum in 64 bits."""


def keep_shares(matched: npt.NDArray[np.int64], caps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return min(1, cap / matched) of each query in units of 1 / `FIXED_POINT`, rounded down."""
    shares = np.full(len(matched), FIXED_POINT, dtype=np.int64)
    hot = np.flatnonzero(matched > caps)
    shares[hot] = [int(caps[query]) * FIXED_POINT // int(matched[query]) for query in hot]
    return shares


@unlocked
def _expected(offsets, query_ids, shares, shared_ranks):
    total = 0
    for row in range(len(offsets) - 1):
        largest = 0
        left = 1.0
        for i in range(offsets[row], offsets[row + 1]):
            share = shares[query_ids[i]]
            largest = max(largest, share)
            left *= 1.0 - share / FIXED_POINT
        if shared_ranks:
            total += largest
        else:
            total += int(np.rint((1.0 - left) * FIXED_POINT))
    return total


def expected_selected(
    offsets: npt.NDArray[np.int32], query_ids: npt.NDArray[np.int32], shares: npt.NDArray[np.int64], mode: str
) -> int:
    """Return the expected number of selected rows of a list column, in units of 1 / `FIXED_POINT`.

    ``per_query_cap``: ranks are shared by the queries of a pair, so P = max of its queries; ``probabilistic``:
    draws are independent, so P = 1 - product of (1 - p).
    """
    return int(_expected(offsets, query_ids, shares, mode == "per_query_cap"))
