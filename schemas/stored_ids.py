"""Ids in Parquet files: 16 bytes of plain ``binary``, which every reader knows; in memory of fixed size.

pandas reads no list of fixed_size_binary, ``datasets`` before 5 and Spark before 3.4 no fixed_size_binary at all. Both
ways are a new view of the same bytes: Parquet gives the values of a row group one after the other.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from schemas.arrow_types import buffer_of, buffers_of, schema_of
from schemas.buffers import ID, ID_BYTES


def stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in the file of a column that has type `kind` in memory."""
    if kind == ID:
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(stored_type(kind.value_type)))
    return kind


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema in the file of a table that has `schema` in memory."""
    return schema_of([field.with_type(stored_type(field.type)) for field in schema], schema.metadata)


def to_stored(table: pa.Table) -> pa.Table:
    """Return `table` as its file has it."""
    return _each(table, stored_schema(table.schema), _as_binary)


def from_stored(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a file's `table` with the ids of `schema` of fixed size; other columns, and files of fixed size, as is.

    Raises ValueError naming the column for an id of another length.
    """
    ids = {field.name: field.type for field in schema if stored_type(field.type) != field.type}
    wanted = [
        field.with_type(ids[field.name]) if field.name in ids and field.type == stored_type(ids[field.name]) else field
        for field in table.schema
    ]
    return _each(table, schema_of(wanted, table.schema.metadata), _as_fixed)


def _each(table: pa.Table, schema: pa.Schema, convert: Callable[[pa.Array, pa.DataType, str], pa.Array]) -> pa.Table:
    if table.schema.types == schema.types:
        return table
    columns = [
        column if column.type == field.type
        else pa.chunked_array([convert(chunk, field.type, field.name) for chunk in column.chunks], field.type)
        for column, field in zip(table.columns, schema, strict=True)
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=schema)


def _as_binary(array: pa.Array, kind: pa.DataType, name: str) -> pa.Array:
    if array.type != ID or array.null_count or not len(array):
        return array.cast(kind)
    offsets = np.arange(0, ID_BYTES * (len(array) + 1), ID_BYTES, dtype=np.int64)
    if offsets[-1] > np.iinfo(np.int32).max:
        return array.cast(kind)
    data = buffers_of(array)[1].slice(ID_BYTES * array.offset)
    return pa.Array.from_buffers(kind, len(array), [None, buffer_of(offsets.astype(np.int32)), data])


def _as_fixed(array: pa.Array, kind: pa.DataType, name: str) -> pa.Array:
    if kind == ID and not array.null_count and len(array):
        offsets = np.frombuffer(buffers_of(array)[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]
        if (offsets[1:] - offsets[:-1] == ID_BYTES).all():
            return pa.Array.from_buffers(kind, len(array), [None, buffers_of(array)[2].slice(int(offsets[0]))])
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        raise ValueError(f"column {name!r}: expected ids of {ID_BYTES} bytes, found another length") from None
