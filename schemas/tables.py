"""Parquet files of one fixed schema: written the same byte for byte, read with the schema checked."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.arrow_types import arrow_file, decoded, list_array, struct_array
from schemas.buffers import ID, string_buffers
from schemas.candidate import ADDED_COLUMNS, with_added_columns
from schemas.checked import check_arrow, check_no_nulls, first_line
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored, stored_schema, to_stored

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
        stored = stored_schema(schema)
        with pq.ParquetWriter(arrow_file(sink, mode="w"), stored, **_column_options(schema)) as writer:
            for table in tables:
                checked = check_schema(table, schema, folder.path(name)).cast(schema)
                if len(checked):  # `datasets` fails on a row group without rows
                    writer.write_table(to_stored(checked), row_group_size=ROW_GROUP_ROWS)
                rows += len(table)
    return FileRecord(name, rows, sink.bytes, sink.sha256)


_HARDLY_REPEAT = {
    "url", "source_row", "rank", "key", "members.list.element.offset", "members.list.element.bytes",
    "jpg", "png", "webp",
}  # fmt: skip


def _column_options(schema: pa.Schema) -> dict[str, Any]:
    """Return how columns are packed: all by dictionary and zstd, but ids and what hardly repeats.

    Ids are hashes, so nothing makes them smaller; a dictionary of what does not repeat is built only to be thrown away:
    without it these columns take a third to a ninth of the time, and 5 to 35 % fewer bytes.
    """
    if ID not in schema.types:
        return {"compression": "zstd"}
    leaves = [name for field in schema for name in _leaves(field.name, field.type)]
    ids = {field.name for field in schema if field.type == ID}
    return {
        "compression": {name: "none" if name in ids else "zstd" for name in leaves},
        "use_dictionary": [name for name in leaves if name not in ids | _HARDLY_REPEAT],
    }


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    """Return the paths of the leaf columns of a column, as Parquet names them."""
    if pa.types.is_struct(kind):
        return [leaf for member in kind for leaf in _leaves(f"{path}.{member.name}", member.type)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    if pa.types.is_map(kind):
        return [*_leaves(f"{path}.key_value.key", kind.key_type), *_leaves(f"{path}.key_value.value", kind.item_type)]
    return [path]


class StreamWriter:
    """A file of `writing_stream`, open for writing."""

    def __init__(self, writer: pa.ipc.RecordBatchStreamWriter, schema: pa.Schema, where: str) -> None:
        self._writer, self._schema, self._where = writer, schema, where
        self.rows = 0
        self.record: FileRecord | None = None
        """What is known of the file when it is whole."""

    def write(self, table: pa.Table) -> None:
        checked = check_schema(table, self._schema, self._where).cast(self._schema)
        self._writer.write_table(checked.combine_chunks())
        self.rows += len(table)


@contextmanager
def writing_stream(folder: Folder, name: str, schema: pa.Schema) -> Iterator[StreamWriter]:
    """Open file `name` for tables as Arrow IPC (lz4): a third of Parquet's time, for files read once and deleted.

    The file appears, whole, when the block ends without an exception.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with folder.writing(name) as sink:
        with pa.ipc.new_stream(arrow_file(sink, mode="w"), schema, options=options) as raw:
            writer = StreamWriter(raw, schema, folder.path(name))
            yield writer
    writer.record = FileRecord(name, writer.rows, sink.bytes, sink.sha256)


def write_stream(folder: Folder, name: str, tables: Iterable[pa.Table], schema: pa.Schema) -> FileRecord:
    """Write `tables` as a file of `writing_stream`."""
    with writing_stream(folder, name, schema) as writer:
        for table in tables:
            writer.write(table)
    assert writer.record is not None
    return writer.record


def read_stream(folder: Folder, name: str, record: FileRecord | None = None) -> Iterator[pa.Table]:
    """Yield the tables of a file of `write_stream`, one at a time, each checked.

    With its `record` the bytes are compared: at the end, because the file may be larger than memory.
    """
    where = folder.path(name)
    with folder.open(name) as raw:
        source = HashedReading(raw)
        try:
            with pa.ipc.open_stream(cast(Any, source)) as reader:
                for batch in reader:
                    check_arrow(batch, where)
                    yield pa.Table.from_batches([batch])
        except pa.ArrowException as error:
            raise ValueError(f"{where}: expected an Arrow stream, {first_line(error)}") from None
        if record is not None:
            while source.read(1 << 20):
                pass
            folder.check_recorded(record, source.bytes, source.sha256)


def read_arrow_file(folder: Folder, record: FileRecord, schema: pa.Schema) -> pa.Table:
    """Return all of an Arrow IPC file as its record says it is; offsets, sizes and texts are checked.

    Raises ValueError that names the file when it is another, or has another schema.
    """
    where = folder.path(record.name)
    data = folder.read_recorded(record)
    try:
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    except pa.ArrowException as error:
        raise ValueError(f"{where}: expected an Arrow file, {first_line(error)}") from None
    check_arrow(table, where)
    return check_schema(table, schema, where)


class HashedReading:
    """A binary file open for reading, from its beginning on, that keeps the count and the SHA-256 of what passes."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self._hash.update(data)
        self.bytes += len(data)
        return data

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def content_bytes(table: pa.Table) -> int:
    """Return the bytes of the values in `table`, the same however it is cut and whatever memory it takes."""
    return sum(_content_bytes(chunk) for column in table.columns for chunk in column.chunks)


def _content_bytes(array: pa.Array) -> int:
    kind = array.type
    if pa.types.is_struct(kind):
        return sum(_content_bytes(member) for member in struct_array(array).flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _content_bytes(list_array(array).flatten())
    if pa.types.is_null(kind) or pa.types.is_map(kind):
        return 0
    if pa.types.is_dictionary(kind):
        return _content_bytes(decoded(array))
    tests = (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    if any(test(kind) for test in tests):
        if array.null_count:
            return int(pc.sum(pc.binary_length(array)).as_py() or 0)
        offsets = string_buffers(array)[1]
        return int(offsets[-1] - offsets[0])
    return len(array) * max(8, kind.bit_width) // 8


def read_table(
    folder: Folder,
    name: str,
    schema: pa.Schema | None = None,
    columns: list[str] | None = None,
    record: FileRecord | None = None,
) -> pa.Table:
    """Return Parquet file `name`, all of it or some `columns`; its schema is checked when `schema` is given.

    With its `record` the bytes are compared first. Without a schema ids stay as the file has them
    (`schemas.stored_ids`).
    """
    data = folder.read(name) if record is None else folder.read_recorded(record)
    return parse_table(data, folder.path(name), schema, columns)


def parse_table(data: bytes, where: str, schema: pa.Schema | None = None, columns: list[str] | None = None) -> pa.Table:
    """Return the table in the bytes of a Parquet file, as `read_table` does; `where` names the file."""
    with naming_parquet(where):
        # A native buffer: Arrow's threads must not need the interpreter while it ends (they abort the process).
        body = pa.py_buffer(data)
        found = columns
        if columns is not None and not ADDED_COLUMNS.isdisjoint(columns):
            present = pq.read_schema(pa.BufferReader(body)).names
            found = [column for column in columns if column in present or column not in ADDED_COLUMNS]
        table = pq.read_table(pa.BufferReader(body), columns=found)
    if schema is None:
        return table
    wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
    return as_in_memory(table, wanted, where)


@contextmanager
def naming_parquet(where: str) -> Iterator[None]:
    """Turn what Arrow raises over the bytes of a Parquet file in memory into a ValueError that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:  # of a damaged page Arrow says OSError
        raise ValueError(f"{where}: expected a Parquet file that Arrow can read, {first_line(error)}") from None


@contextmanager
def naming_damage(folder: Folder, record: FileRecord) -> Iterator[None]:
    """As `naming_parquet`, for what is looked at of a file before all of it is compared with its record."""
    try:
        with naming_parquet(folder.path(record.name)):
            yield
    except ValueError:
        folder.check_file(record)
        raise


def as_in_memory(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """Return what a file holds, perhaps of an older minor version, as a table of `schema`; `where` names the file."""
    try:
        found = from_stored(with_added_columns(table, schema), schema)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    check_no_nulls(check_schema(found, schema, where), schema, where)
    return found
