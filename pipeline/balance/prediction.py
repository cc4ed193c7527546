"""The size to expect of a selection, from the matches alone. Pure; sums of integers, so no order matters."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.per_query_cap import list_views

FIXED_POINT = 2**28
"""Probabilities are whole multiples of 2^-28, so that 3e10 pairs sum in 64 bits."""


def keep_probabilities(matched: npt.NDArray[np.int64], cap: int) -> npt.NDArray[np.float64]:
    """Return min(1, cap / matched) of each query, rounded down to `FIXED_POINT`."""
    share = np.full(len(matched), FIXED_POINT, dtype=np.int64)
    hot = np.flatnonzero(matched > cap)
    share[hot] = [cap * FIXED_POINT // int(matched[query]) for query in hot]
    return share / FIXED_POINT


def expected_selected(table: pa.Table, probabilities: npt.NDArray[np.float64], mode: str) -> int:
    """Return the expected number of selected rows of `table`, in units of 1 / `FIXED_POINT`.

    ``per_query_cap``: ranks are shared by the queries of a pair, so P = max of its queries; ``probabilistic``:
    draws are independent, so P = 1 - product of (1 - p).
    """
    if len(table) == 0:
        return 0
    offsets, query_ids = list_views(table["query_ids"])
    starts = offsets[:-1]
    share = probabilities[query_ids]
    if mode == "per_query_cap":
        selected = np.maximum.reduceat(share, starts)
    else:
        selected = 1 - np.multiply.reduceat(1 - share, starts)
    return int(np.rint(selected * FIXED_POINT).astype(np.int64).sum())
