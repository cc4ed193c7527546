"""Exact duplicates: rows of equal pair_id; the row kept is the smallest by all columns in schema order. Pure."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import sortable_ids


def partition_of(table: pa.Table, num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each row: the top bits of its pair_id. `num_partitions` is a power of two."""
    bits = num_partitions.bit_length() - 1
    if 1 << bits != num_partitions:
        raise ValueError(f"num_partitions must be a power of two, found {num_partitions!r}")
    high = sortable_ids(table["pair_id"])[:, 0]
    return (high >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(table), dtype=np.int64)


def deduplicate(table: pa.Table) -> pa.Table:
    """Return `table` sorted by pair_id with each pair_id once.

    Of equal pair_ids the smallest row stays, compared by all columns in schema order, nulls first, so the
    result does not depend on the order of the rows.
    """
    ids = sortable_ids(table["pair_id"])
    order = np.lexsort((ids[:, 1], ids[:, 0]))
    ordered = ids[order]
    same = np.zeros(len(order) + 1, dtype=bool)  # same[i]: row i equals row i - 1
    if len(order) > 1:
        same[1:-1] = (ordered[1:] == ordered[:-1]).all(axis=1)
    if same.any():
        in_group = same[:-1] | same[1:]
        rows = order[in_group]
        order[in_group] = rows[_order_of_rows(table.take(pa.array(rows)))]
    return table.take(pa.array(order[~same[:-1]]))


def _order_of_rows(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the order of rows by all columns in schema order, nulls first, lists and structs member by member."""
    keys: dict[str, pa.Array] = {}
    for name in table.schema.names:
        _add_keys(keys, name, table[name].combine_chunks())
    flat = pa.table(keys)
    order = pc.sort_indices(flat, sort_keys=[(name, "ascending") for name in keys])
    return np.asarray(order.to_numpy())


def _add_keys(keys: dict[str, pa.Array], name: str, column: pa.Array) -> None:
    kind = column.type
    if column.null_count:
        keys[f"{name}?"] = column.is_valid()  # false, for null, comes first
    if pa.types.is_struct(kind):
        for member in kind:
            _add_keys(keys, f"{name}.{member.name}", pc.struct_field(column, member.name))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        keys[name] = pa.array([None if item is None else repr(item) for item in column.to_pylist()], pa.string())
    elif pa.types.is_fixed_size_binary(kind):
        keys[name] = column.cast(pa.binary())
    elif pa.types.is_dictionary(kind):
        _add_keys(keys, name, column.dictionary_decode())
    else:
        keys[name] = column
