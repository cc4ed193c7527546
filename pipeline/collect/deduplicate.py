"""Pairs of equal pair_id become one, an image keeps its first captions: pure functions on tables of candidates.

Both are cuts of sets: reducing tables and then the union of what they left gives the same as reducing all at once,
whatever the tables. So every table is reduced before it is shuffled, and an image that a million captions name, or a
pair that stands on a million pages, stays small. `COPIES` carries the number of rows that each row stands for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import decoded
from schemas.buffers import sortable_ids
from schemas.identity import caption_ranks

COPIES = "copies"
"""Column of tables on their way through the shuffle: equal rows that a row stands for, itself counted."""

COMPACT_BYTES = 64 << 20
"""Rows are gathered up to about this much before they are reduced."""


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What is kept of the pairs: each once, and of each image all captions or the first ones by rank."""

    captions_per_image: int | None = None
    """None: all."""
    key: bytes = b""
    """Key of the captions' ranks (`schemas.identity.seed_key`)."""

    @property
    def partition_column(self) -> str:
        """The id whose top bits tell the partition: rows that decide on each other meet in one."""
        return "pair_id" if self.captions_per_image is None else "image_id"

    def apply(self, table: pa.Table) -> pa.Table:
        """Reduce `table` (candidates with `COPIES`); the result is sorted by pair_id."""
        unique = deduplicate(table)
        return unique if self.captions_per_image is None else self._limit(unique, self.captions_per_image)

    def apply_all(self, tables: Iterable[pa.Table], empty: pa.Table) -> tuple[pa.Table, int]:
        """Reduce the union of `tables`, in memory of little more than the result and `COMPACT_BYTES`.

        Return it and how many rows the union stood for. Columns that a table lacks (`without_null_columns`) are null;
        the result has those of `empty`.
        """
        found: list[pa.Table] = []  # the first is what is reduced so far
        num_rows = size = reduced_size = 0
        for table in tables:
            found.append(table)
            num_rows += num_copies(table)
            size += table.nbytes
            if size > max(COMPACT_BYTES, 2 * reduced_size):  # at most as often as the result doubles
                found = [self.apply(_joined(found, empty))]
                size = reduced_size = found[0].nbytes
        reduced = with_all_columns(self.apply(_joined(found, empty)), empty.schema) if found else empty
        return reduced, num_rows

    def _limit(self, table: pa.Table, limit: int) -> pa.Table:
        if len(table) <= limit:
            return table
        images = sortable_ids(table["image_id"])
        order = _order_of_ids(images)
        starts = np.flatnonzero(np.concatenate([[True], (images[order][1:] != images[order][:-1]).any(axis=1)]))
        sizes = np.diff(np.append(starts, len(order)))
        crowded = order[np.repeat(sizes > limit, sizes)]
        if not len(crowded):
            return table
        rows = table.select(["pair_id"]).take(pa.array(crowded))
        pairs, image = sortable_ids(rows["pair_id"]), images[crowded]
        rank = caption_ranks(rows["pair_id"], self.key)
        sorted_rows = np.lexsort((pairs[:, 1], pairs[:, 0], rank, image[:, 1], image[:, 0]))
        of_size = sizes[sizes > limit]
        place = np.arange(len(crowded)) - np.repeat(np.cumsum(of_size) - of_size, of_size)
        keep = np.ones(len(table), dtype=bool)
        keep[crowded[sorted_rows[place >= limit]]] = False
        return table.filter(pa.array(keep))


def without_null_columns(table: pa.Table) -> pa.Table:
    """Return `table` without the columns that hold nothing: most sources leave a third of them empty."""
    return table.select([name for name in table.schema.names if table[name].null_count < max(1, len(table))])


def with_all_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `table` with the columns of `schema`, those it lacks null."""
    columns = [
        table[field.name] if field.name in table.schema.names else pa.nulls(len(table), field.type) for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _joined(tables: list[pa.Table], empty: pa.Table) -> pa.Table:
    names = {name for table in tables for name in table.schema.names}
    schema = pa.schema([field for field in empty.schema if field.name in names])
    return pa.concat_tables([with_all_columns(table, schema) for table in tables])


def with_copies(table: pa.Table) -> pa.Table:
    """Return `table` with `COPIES`: each row stands for itself."""
    return table.append_column(COPIES, pa.array(np.ones(len(table), dtype=np.int64)))


def num_copies(table: pa.Table) -> int:
    """Return how many rows the rows of `table` stand for."""
    return int(pc.sum(table[COPIES]).as_py() or 0)


def gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join `tables` to ones of about `COMPACT_BYTES`, in order."""
    found: list[pa.Table] = []
    size = 0
    for table in tables:
        found.append(table)
        size += table.nbytes
        if size > COMPACT_BYTES:
            yield pa.concat_tables(found)
            found, size = [], 0
    if found:
        yield pa.concat_tables(found)


def partition_of(ids: pa.ChunkedArray | pa.Array, num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each id: its top bits. `num_partitions` is a power of two."""
    bits = num_partitions.bit_length() - 1
    if 1 << bits != num_partitions:
        raise ValueError(f"num_partitions must be a power of two, found {num_partitions!r}")
    high = sortable_ids(ids)[:, 0]
    return (high >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(high), dtype=np.int64)


def split(table: pa.Table, partition: npt.NDArray[np.int64]) -> Iterator[tuple[int, pa.Table]]:
    """Yield (partition, its rows in order), partitions ascending."""
    if len(table) == 0:
        return
    if (np.diff(partition) < 0).any():
        order = np.argsort(partition, kind="stable")
        table, partition = table.take(pa.array(order)), partition[order]
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(partition)) + 1, [len(partition)]])
    for begin, end in pairwise(bounds):
        yield int(partition[begin]), table.slice(begin, end - begin)


def deduplicate(table: pa.Table) -> pa.Table:
    """Return `table` sorted by pair_id with each pair_id once; `COPIES`, where it is there, is summed.

    Of equal pair_ids the smallest row stays, compared by all columns in schema order, nulls first, so the
    result does not depend on the order of the rows.
    """
    ids = sortable_ids(table["pair_id"])
    order = _order_of_ids(ids)
    ordered = ids[order]
    same = np.zeros(len(order) + 1, dtype=bool)  # same[i]: row i equals row i - 1
    if len(order) > 1:
        same[1:-1] = (ordered[1:, 0] == ordered[:-1, 0]) & (ordered[1:, 1] == ordered[:-1, 1])
    if not same.any():
        return table.take(pa.array(order))
    in_group = same[:-1] | same[1:]
    rows = order[in_group]
    names = [name for name in table.schema.names if name != COPIES]
    order[in_group] = rows[_order_of_rows(table.select(names).take(pa.array(rows)))]
    found = table.take(pa.array(order[~same[:-1]]))
    if COPIES in table.schema.names:
        sums = np.add.reduceat(table[COPIES].to_numpy()[order], np.flatnonzero(~same[:-1]))
        found = found.set_column(found.schema.get_field_index(COPIES), COPIES, pa.array(sums))
    return found


def _order_of_ids(ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return an order of ids ``[rows, 2]``. Ids are hashes: the high words alone differ, but for equal ids."""
    order = np.argsort(np.ascontiguousarray(ids[:, 0]))  # five times as fast as a stable sort of both words
    high, low = ids[order, 0], ids[order, 1]
    if ((high[1:] == high[:-1]) & (low[1:] < low[:-1])).any():
        order = np.lexsort((ids[:, 1], ids[:, 0]))
    return order


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
    elif pa.types.is_nested(kind) or pa.types.is_interval(kind):
        keys[name] = pa.array([None if item is None else repr(item) for item in column.to_pylist()], pa.string())
    elif pa.types.is_fixed_size_binary(kind):
        keys[name] = column.cast(pa.binary())
    elif pa.types.is_dictionary(kind):
        _add_keys(keys, name, decoded(column))
    elif pa.types.is_float16(kind):
        keys[name] = column.cast(pa.float32())
    else:
        keys[name] = column
