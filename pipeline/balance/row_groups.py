"""Candidates read a row group at a time: a pass holds 65,536 of them, and no column is copied together from chunks."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import as_in_memory, naming_parquet


def read_row_groups(data: bytes, where: str, schema: pa.Schema, columns: list[str] | None) -> Iterator[pa.Table]:
    """Yield the row groups of the Parquet file of bytes `data`, all `columns` of `schema` or some.

    Raises ValueError that names the file (`where`) for one that is no Parquet or has other columns.
    """
    with naming_parquet(where):
        # A native buffer: Arrow's threads must not need the interpreter while it ends (they abort the process).
        file = pq.ParquetFile(pa.BufferReader(data))
    wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
    for group in range(file.num_row_groups):
        with naming_parquet(where):
            table = file.read_row_group(group, columns=columns)
        yield as_in_memory(table.select(wanted.names) if columns else table, wanted, where)
