"""Candidates read a row group at a time: a pass holds 65,536 of them, and no column is copied together from chunks."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.storage import Folder
from schemas.tables import as_in_memory


def read_row_groups(folder: Folder, name: str, schema: pa.Schema, columns: list[str] | None) -> Iterator[pa.Table]:
    """Yield the row groups of Parquet file `name`, all `columns` of `schema` or some.

    Raises ValueError that names the file for one that is no Parquet or has other columns.
    """
    try:
        # A native buffer: Arrow's threads must not need the interpreter while it ends (they abort the process).
        file = pq.ParquetFile(pa.BufferReader(folder.read(name)))
        wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=columns)
            yield as_in_memory(table.select(wanted.names) if columns else table, wanted, folder.path(name))
    except pa.ArrowInvalid as error:
        raise ValueError(f"{folder.path(name)}: expected a Parquet file, {error}") from error
