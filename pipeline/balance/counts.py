"""Counts per query as Arrow tables (query_id, then int64 columns), and their sum. Pure.

The first column may be any other number from 0 that is counted by, under its own name.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import list_array
from schemas.buffers import one_chunk

RANGE_QUERIES = 1 << 16
"""Query ids of one count table on its way: with two counts each (20 bytes) it has at most 1.3 MB."""

WAITING_ROWS = 4 * RANGE_QUERIES
"""Rows gathered before they are summed."""


def counts_table(key: str, /, **counts: npt.NDArray[np.int64]) -> pa.Table:
    """Return the rows in which any count is not zero; all arrays have one entry per query (number in column `key`)."""
    found = np.flatnonzero(np.any(np.stack(list(counts.values())) != 0, axis=0))
    columns = {name: pa.array(values[found], pa.int64()) for name, values in counts.items()}
    return pa.table({key: pa.array(found, pa.int32()), **columns})


def cut_by_range(counts: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield (number of the range, its rows) of a count table; range 0 always, so that something comes."""
    numbers = counts.column(0).to_numpy() // RANGE_QUERIES
    present = np.unique(numbers).tolist()
    for number in present if 0 in present else [0, *present]:
        begin, end = np.searchsorted(numbers, [number, number + 1])
        yield int(number), counts.slice(int(begin), int(end - begin))


def sum_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the sum of count tables by their first column, in its order; memory does not grow with their number."""
    total = pa.table({"query_id": pa.array([], pa.int32())})
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += len(table)
        if rows > WAITING_ROWS:
            total, waiting, rows = _sum([total, *waiting]), [], 0
    return _sum([total, *waiting])


def _sum(tables: list[pa.Table]) -> pa.Table:
    found = [table for table in tables if len(table)]
    if not found:
        return max(tables, key=_num_columns)  # an empty one; not all of them know the columns
    together = pa.concat_tables(found)
    key, *names = together.schema.names
    ids = together[key].to_numpy()
    first = int(ids.min())
    top = int(ids.max()) + 1 - first
    summed: dict[str, npt.NDArray[np.int64]] = {}
    present = np.bincount(ids - first, minlength=top) > 0
    for name in names:
        total = np.zeros(top, dtype=np.int64)
        np.add.at(total, ids - first, together[name].to_numpy())
        summed[name] = total[present]
    return pa.table({key: pa.array(np.flatnonzero(present) + first, pa.int32()), **summed})


def _num_columns(table: pa.Table) -> int:
    return int(table.num_columns)


def dense(table: pa.Table, name: str, num_queries: int) -> npt.NDArray[np.int64]:
    """Return column `name` with one entry per query; 0 where `table` has no row (or no such column)."""
    values = np.zeros(num_queries, dtype=np.int64)
    if name in table.schema.names:
        values[table.column(0).to_numpy()] = table[name].to_numpy()
    return values


def count_matches(table: pa.Table, num_queries: int) -> npt.NDArray[np.int64]:
    """Return the number of rows that match each query. Raises ValueError for an id that is no query."""
    return bincount(list_array(one_chunk(table["query_ids"])).flatten(), num_queries)


def bincount(query_ids: pa.Array, num_queries: int) -> npt.NDArray[np.int64]:
    """Return how often each query id occurs."""
    counts = np.bincount(query_ids.to_numpy(zero_copy_only=False), minlength=num_queries)
    if len(counts) > num_queries:
        raise ValueError(f"query ids must be below {num_queries}, found {len(counts) - 1}; are these its candidates?")
    return counts.astype(np.int64)
