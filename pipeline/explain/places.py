"""The place of asked pairs among the pairs of each of their queries: how many have a lower (rank, pair_id). Pure.

A query keeps a pair when its place is within the cap: the definition itself, without bounds and thresholds.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.per_query_cap import list_views
from schemas.buffers import one_chunk, sortable_ids
from schemas.kernels.compiled import unlocked


@unlocked
def _count_lower(offsets, query_ids, ranks, ids, is_asked, asked_query, asked_rank, asked_id, lower):
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            if not is_asked[query_ids[i]]:
                continue
            for k in range(len(asked_query)):
                if asked_query[k] != query_ids[i]:
                    continue
                if ranks[row] != asked_rank[k]:
                    lower[k] += ranks[row] < asked_rank[k]
                elif ids[row, 0] != asked_id[k, 0]:
                    lower[k] += ids[row, 0] < asked_id[k, 0]
                else:
                    lower[k] += ids[row, 1] < asked_id[k, 1]


class AskedMatches:
    """The matches of the asked pairs, one entry per (pair, query): the pairs in order, their queries ascending."""

    def __init__(self, pairs: pa.Table, ranks: npt.NDArray[np.uint64], num_queries: int) -> None:
        """`pairs` has columns pair_id and query_ids, `ranks` the rank of each row."""
        offsets, self.queries = list_views(pairs["query_ids"])
        rows = np.repeat(np.arange(len(pairs)), np.diff(offsets))
        self.ranks = ranks[rows]
        self._ids = np.ascontiguousarray(sortable_ids(one_chunk(pairs["pair_id"]))[rows])
        self._is_asked = np.zeros(num_queries, dtype=np.bool_)
        self._is_asked[self.queries] = True

    def count_lower(self, table: pa.Table, ranks: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Return, per entry, the number of matches of `table` with the same query and a lower (rank, pair_id)."""
        offsets, query_ids = list_views(table["query_ids"])
        lower = np.zeros(len(self.queries), dtype=np.int64)
        ids = np.ascontiguousarray(sortable_ids(table["pair_id"]))
        _count_lower(
            offsets, query_ids, ranks, ids, self._is_asked, self.queries, self.ranks, self._ids, lower
        )  # fmt: skip
        return lower
