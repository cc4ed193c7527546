"""From what each query keeps of a table to the rows some query keeps, and the counts of both. Pure."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.per_query_cap import list_views
from schemas.candidate import QUERY_IDS
from schemas.kernels.compiled import unlocked


class KeptCounts:
    """Per query: pairs kept, and selected pairs matched. 16 bytes per query; grows by every table."""

    def __init__(self, num_queries: int) -> None:
        self.kept = np.zeros(num_queries, dtype=np.int64)
        self.selected = np.zeros(num_queries, dtype=np.int64)


@unlocked
def _kept_rows(offsets, query_ids, kept, kept_counts, selected_counts):
    rows = np.empty(len(offsets) - 1, dtype=np.int64)
    ends = np.zeros(len(offsets), dtype=np.int32)
    kept_by = np.empty(len(query_ids), dtype=np.int32)
    num_rows = 0
    num_kept = 0
    for row in range(len(offsets) - 1):
        before = num_kept
        for i in range(offsets[row], offsets[row + 1]):
            if kept[i]:
                kept_by[num_kept] = query_ids[i]
                kept_counts[query_ids[i]] += 1
                num_kept += 1
        if num_kept > before:
            for i in range(offsets[row], offsets[row + 1]):
                selected_counts[query_ids[i]] += 1
            rows[num_rows] = row
            num_rows += 1
            ends[num_rows] = num_kept
    return rows[:num_rows].copy(), ends[: num_rows + 1].copy(), kept_by[:num_kept].copy()


def kept_rows(
    table: pa.Table, rank: npt.NDArray[np.uint64], kept: npt.NDArray[np.bool_], counts: KeptCounts
) -> tuple[npt.NDArray[np.int64], pa.Array, pa.Array]:
    """Return (rows that some query keeps, their rank, their kept_by) and add to `counts`.

    `kept` is per match of `table` (its flattened query_ids).
    """
    offsets, query_ids = list_views(table["query_ids"])
    rows, ends, kept_by = _kept_rows(offsets, query_ids, kept, counts.kept, counts.selected)
    lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(kept_by), type=QUERY_IDS)
    return rows, pa.array(rank[rows], pa.uint64()), lists
