"""``per_query_cap``: every query keeps its pairs of lowest (rank, pair_id), exactly up to the cap. Pure.

::

    matches of a hot query by rank:   x x x x x x x x x x x x x x x x x x x x x x
    the cap lowest are kept           ^^^^^^^
    bound: cap + 8 sqrt(cap) of them  ^^^^^^^^^^  only these are shuffled; ranks are uniform, so fewer than
    would be expected below it                   cap lie below the bound in less than one of 10^14 cases
    threshold: the last one kept            ^
"""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.ordering import rows_by_rank
from schemas.arrow_types import list_array, schema_of
from schemas.buffers import ID, one_chunk, sortable_ids
from schemas.checked import check_indices
from schemas.kernels.compiled import unlocked

TOP_RANK = 2**64 - 1

WAITING_ROWS = 200_000
"""Rows gathered before they are reduced."""

RANKED = schema_of(
    [
        pa.field("query_id", pa.int32(), nullable=False),
        pa.field("rank", pa.uint64(), nullable=False),
        pa.field("pair_id", ID, nullable=False),
    ]
)


def rank_bounds(matched: npt.NDArray[np.int64], caps: npt.NDArray[np.int64], factor: int) -> npt.NDArray[np.uint64]:
    """Return per query the highest rank that can matter: 0 for a query of at most its cap of matches.

    (cap + 8 sqrt(cap)) / matched of the range of ranks, times `factor`; `TOP_RANK` when that is all of it.
    """
    bounds = np.zeros(len(matched), dtype=np.uint64)
    for query in np.flatnonzero(matched > caps):
        cap = int(caps[query])
        wanted = factor * (cap + math.isqrt(64 * cap) + 1)
        bounds[query] = min(TOP_RANK, wanted * 2**64 // int(matched[query]))
    return bounds


@unlocked
def _below(offsets, query_ids, ranks, bounds):
    count = 0
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            if bounds[query_ids[i]] != 0 and ranks[row] <= bounds[query_ids[i]]:
                count += 1
    queries = np.empty(count, dtype=np.int32)
    rows = np.empty(count, dtype=np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            if bounds[query_ids[i]] != 0 and ranks[row] <= bounds[query_ids[i]]:
                queries[count] = query_ids[i]
                rows[count] = row
                count += 1
    return queries, rows


def list_views(column: pa.ChunkedArray | pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return (offsets[rows + 1], values) of a list<int32> column without nulls; values start at ``offsets[0]`` = 0."""
    array = list_array(one_chunk(column))
    offsets = array.offsets.to_numpy()
    return offsets - offsets[0], array.flatten().to_numpy(zero_copy_only=False)


def ranked_below(table: pa.Table, ranks: npt.NDArray[np.uint64], bounds: npt.NDArray[np.uint64]) -> pa.Table:
    """Return the (query_id, rank, pair_id) of `table`'s matches with rank at most the query's bound (`RANKED`)."""
    offsets, query_ids = list_views(table["query_ids"])
    queries, rows = _below(offsets, query_ids, ranks, bounds)
    pairs = one_chunk(table["pair_id"]).take(pa.array(rows))
    return pa.Table.from_arrays([pa.array(queries), pa.array(ranks[rows], pa.uint64()), pairs], schema=RANKED)


def keep_lowest(tables: Iterable[pa.Table], caps: npt.NDArray[np.int64]) -> pa.Table:
    """Return the cap rows of lowest (rank, pair_id) of each query, sorted by (query_id, rank, pair_id).

    ``caps`` has one entry per query. Memory: what is kept and, beside it, as much again or `WAITING_ROWS`.
    """
    kept, waiting, rows = RANKED.empty_table(), [], 0
    for table in tables:
        waiting.append(table)
        rows += len(table)
        if rows > max(len(kept), WAITING_ROWS):
            kept, waiting, rows = _lowest([kept, *waiting], caps), [], 0
    return _lowest([kept, *waiting], caps)


def _lowest(tables: list[pa.Table], caps: npt.NDArray[np.int64]) -> pa.Table:
    together = pa.concat_tables(tables)
    check_indices(together["query_id"], len(caps), "tables of the shuffle", "query_id", "run the command again")
    queries, ranks = together["query_id"].to_numpy(), together["rank"].to_numpy()
    order = rows_by_rank(queries, ranks, together["pair_id"])
    sorted_queries = queries[order]
    starts = np.flatnonzero(np.r_[True, sorted_queries[1:] != sorted_queries[:-1]]) if len(order) else np.zeros(0, int)
    position = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return together.take(pa.array(order[position < caps[sorted_queries]])).combine_chunks()


def last_kept(lowest: pa.Table) -> pa.Table:
    """Return per query of `lowest` (see `keep_lowest`) its number of rows (count) and its last rank and pair_id."""
    queries = lowest["query_id"].to_numpy()
    ends = np.flatnonzero(np.r_[queries[1:] != queries[:-1], True]) if len(queries) else np.zeros(0, int)
    counts = np.diff(np.r_[-1, ends])
    return lowest.take(pa.array(ends)).append_column("count", pa.array(counts, pa.int64()))


@unlocked
def _kept(offsets, query_ids, ranks, high, low, capped, rank_limit, high_limit, low_limit):
    kept = np.zeros(len(query_ids), dtype=np.bool_)
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            query = query_ids[i]
            if not capped[query] or ranks[row] < rank_limit[query]:
                kept[i] = True
            elif ranks[row] == rank_limit[query]:
                lower = high[row] < high_limit[query]
                kept[i] = lower or (high[row] == high_limit[query] and low[row] <= low_limit[query])
    return kept


class Thresholds:
    """The highest (rank, pair_id) each capped query keeps. 41 bytes per query."""

    def __init__(self, last: pa.Table, num_queries: int) -> None:
        """`last`: query_id, rank, pair_id of the capped queries; the others keep all they match."""
        queries = last["query_id"].to_numpy()
        self._capped = np.zeros(num_queries, dtype=np.bool_)
        self._capped[queries] = True
        self._limits = [np.zeros(num_queries, dtype=np.uint64) for _ in range(3)]
        ids = sortable_ids(last["pair_id"])
        for limit, values in zip(self._limits, (last["rank"].to_numpy(), ids[:, 0], ids[:, 1]), strict=True):
            limit[queries] = values

    def kept(self, table: pa.Table, ranks: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Tell per match (flattened query_ids of `table`) whether the query keeps the pair."""
        offsets, query_ids = list_views(table["query_ids"])
        ids = sortable_ids(table["pair_id"])
        result: npt.NDArray[np.bool_] = _kept(
            offsets, query_ids, ranks, np.ascontiguousarray(ids[:, 0]), np.ascontiguousarray(ids[:, 1]),
            self._capped, *self._limits,
        )  # fmt: skip
        return result
