"""Counts per query as Arrow tables (query_id, then int64 columns), and their sum. Pure."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import one_chunk


def counts_table(**counts: npt.NDArray[np.int64]) -> pa.Table:
    """Return the rows in which any count is not zero; all arrays have one entry per query."""
    found = np.flatnonzero(np.any(np.stack(list(counts.values())) != 0, axis=0))
    columns = {name: pa.array(values[found], pa.int64()) for name, values in counts.items()}
    return pa.table({"query_id": pa.array(found, pa.int32()), **columns})


def sum_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the sum of count tables by query_id, in query_id order."""
    found = [table for table in tables if len(table)]
    if not found:
        return pa.table({"query_id": pa.array([], pa.int32())})
    together = pa.concat_tables(found)
    names = together.schema.names[1:]
    ids = together["query_id"].to_numpy()
    top = int(ids.max()) + 1
    summed: dict[str, npt.NDArray[np.int64]] = {}
    present = np.bincount(ids, minlength=top) > 0
    for name in names:
        total = np.zeros(top, dtype=np.int64)
        np.add.at(total, ids, together[name].to_numpy())
        summed[name] = total[present]
    return pa.table({"query_id": pa.array(np.flatnonzero(present), pa.int32()), **summed})


def dense(table: pa.Table, name: str, num_queries: int) -> npt.NDArray[np.int64]:
    """Return column `name` with one entry per query; 0 where `table` has no row (or no such column)."""
    values = np.zeros(num_queries, dtype=np.int64)
    if name in table.schema.names:
        values[table["query_id"].to_numpy()] = table[name].to_numpy()
    return values


def count_matches(table: pa.Table, num_queries: int) -> npt.NDArray[np.int64]:
    """Return the number of rows that match each query. Raises ValueError for an id that is no query."""
    return bincount(one_chunk(table["query_ids"]).flatten(), num_queries)


def bincount(query_ids: pa.Array, num_queries: int) -> npt.NDArray[np.int64]:
    """Return how often each query id occurs."""
    counts = np.bincount(query_ids.to_numpy(zero_copy_only=False), minlength=num_queries)
    if len(counts) > num_queries:
        raise ValueError(f"query ids must be below {num_queries}, found {len(counts) - 1}; are these its candidates?")
    return counts.astype(np.int64)
