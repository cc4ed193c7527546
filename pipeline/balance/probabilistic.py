"""``probabilistic`` (MetaCLIP, "Demystifying CLIP Data", algorithm 1): a query keeps a pair by a draw. Pure."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.per_query_cap import TOP_RANK, list_views
from schemas.buffers import words_from_ids
from schemas.identity import draws


def draw_bounds(matched: npt.NDArray[np.int64], caps: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return per query ceil(2^64 cap / matched) - 1: draws up to it are kept; `TOP_RANK` for at most the cap.

    An integer draw d is kept when d * matched < cap * 2^64, exactly.
    """
    bounds = np.full(len(matched), TOP_RANK, dtype=np.uint64)
    for query in np.flatnonzero(matched > caps):
        bounds[query] = -(-(int(caps[query]) * 2**64) // int(matched[query])) - 1
    return bounds


def kept_by_draw(table: pa.Table, bounds: npt.NDArray[np.uint64], key: bytes) -> npt.NDArray[np.bool_]:
    """Tell per match (flattened query_ids of `table`) whether the query keeps the pair."""
    offsets, query_ids = list_views(table["query_ids"])
    kept = np.ones(len(query_ids), dtype=np.bool_)
    hot = np.flatnonzero(bounds[query_ids] != np.uint64(TOP_RANK))
    if len(hot):
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[hot]
        drawn = draws(words_from_ids(table["pair_id"])[rows], query_ids[hot], key)
        kept[hot] = drawn <= bounds[query_ids[hot]]
    return kept
