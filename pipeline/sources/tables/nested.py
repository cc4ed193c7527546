"""Columns inside of columns, by names with dots: ``metadata.caption`` is the member ``caption`` of ``metadata``.

A column of that very name comes first. In: a schema or table, and a name. Out: its type, what to read of a Parquet file
for it, or its values. Members of structs and keys of maps.
"""

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk


def type_at(schema: pa.Schema, name: str) -> pa.DataType | None:
    """Return the type of the column `name`, None when there is none."""
    if name in schema.names:
        return schema.types[schema.names.index(name)]
    first, *rest = name.split(".")
    if not rest or first not in schema.names:
        return None
    kind = schema.types[schema.names.index(first)]
    for part in rest:
        if pa.types.is_map(kind) and pa.types.is_string(kind.key_type):
            kind = kind.item_type
        elif pa.types.is_struct(kind) and kind.get_field_index(part) >= 0:
            kind = kind.field(part).type
        else:
            return None
    return kind


def path_to_read(schema: pa.Schema, name: str) -> str | None:
    """Return what a Parquet file has of the column `name`: a member of structs, or a whole column; None: nothing."""
    if name in schema.names:
        return name
    if type_at(schema, name) is None:
        return None
    first, *rest = name.split(".")
    kind = schema.types[schema.names.index(first)]
    path = first
    for part in rest:
        if pa.types.is_map(kind):
            break
        path, kind = f"{path}.{part}", cast(pa.StructType, kind).field(part).type
    return path


def column_at(table: pa.Table, name: str) -> pa.Array | None:
    """Return the values of the column `name`, None when there is none. A missing member is null."""
    if name in table.schema.names:
        return one_chunk(table.column(table.schema.names.index(name)))
    if type_at(table.schema, name) is None:
        return None
    first, *rest = name.split(".")
    found = one_chunk(table[first])
    for part in rest:
        if pa.types.is_map(found.type):
            found = pc.map_lookup(found, part, "last")
        else:
            found = pc.struct_field(found, part)
    return found


def column_of(table: pa.Table, name: str) -> pa.Array:
    """Return the values of the column `name`, which is there: its file's schema was asked when the file was opened."""
    found = column_at(table, name)
    assert found is not None, name
    return found
