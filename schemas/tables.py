"""Parquet files of one fixed schema: written the same byte for byte, read with the schema checked."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.storage import FileRecord, Folder

ROW_GROUP_ROWS = 65_536
"""Rows per row group of files written from one table: small enough to stream, large enough to compress."""


def check_schema(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """Return `table` when its columns are those of `schema`; raise ValueError naming `where` and the column."""
    for name in schema.names:
        if name not in table.schema.names:
            raise ValueError(
                f"{where}: column {name!r} ({schema.field(name).type}) is missing; found {table.schema.names}"
            )
        found = table.schema.field(name).type
        if found != schema.field(name).type:
            raise ValueError(f"{where}: column {name!r} should be {schema.field(name).type}, found {found}")
    if table.schema.names != schema.names:
        raise ValueError(f"{where}: expected columns {schema.names}, found {table.schema.names}")
    return table


def write_table(folder: Folder, name: str, table: pa.Table, schema: pa.Schema) -> FileRecord:
    """Write `table` as Parquet file `name` (zstd) and return its record; the same table gives the same bytes."""
    return write_tables(folder, name, [table], schema)


def write_tables(folder: Folder, name: str, tables: Iterable[pa.Table], schema: pa.Schema) -> FileRecord:
    """Write a stream of tables as one Parquet file, a row group per table (or more, see `ROW_GROUP_ROWS`)."""
    rows = 0
    with folder.writing(name) as sink:
        with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
            for table in tables:
                checked = check_schema(table, schema, folder.path(name)).cast(schema)
                writer.write_table(checked, row_group_size=ROW_GROUP_ROWS)
                rows += len(table)
    return FileRecord(name, rows, sink.bytes, sink.sha256)


def read_table(
    folder: Folder, name: str, schema: pa.Schema | None = None, columns: list[str] | None = None
) -> pa.Table:
    """Return Parquet file `name`, all of it or some `columns`; its schema is checked when `schema` is given."""
    try:
        # A native buffer: Arrow's threads must not need the interpreter while it ends (they abort the process).
        table = pq.read_table(pa.BufferReader(folder.read(name)), columns=columns)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{folder.path(name)}: expected a Parquet file, {error}") from error
    if schema is None:
        return table
    wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
    return check_schema(table, wanted, folder.path(name))
