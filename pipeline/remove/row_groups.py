"""Files of candidates and selections, a row group at a time: compared with their records, read, named when damaged."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.candidate import candidate_schema, selection_schema
from schemas.shards_folder import TABLE_SUFFIX
from schemas.storage import FileRecord, Folder
from schemas.tables import as_in_memory, naming_damage

_EXTRA = "extra"


def candidate_names(names: Iterable[str]) -> list[str]:
    """Return the names of the files that hold pairs: those beside the manifest."""
    return sorted(name for name in names if "/" not in name and name.endswith(TABLE_SUFFIX) and name[0].isdigit())


def schema_of_file(folder: Folder, record: FileRecord, kind: str) -> pa.Schema:
    """Return the schema in memory of a file of a folder of `kind`, with the columns carried through from the input."""
    with folder.open(record.name) as raw, naming_damage(folder, record):
        found = pq.read_schema(raw)
    extra = found.field(_EXTRA).type if _EXTRA in found.names else pa.struct([])
    return selection_schema(extra) if kind == "selection" else candidate_schema(extra)


def row_groups(
    folder: Folder, record: FileRecord, schema: pa.Schema, columns: list[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the row groups of a file of `schema`, all columns or some.

    Raises ValueError that names the file when it cannot be read, or has other columns.
    """
    wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
    where = folder.path(record.name)
    with folder.open(record.name) as raw:
        with naming_damage(folder, record):
            file = pq.ParquetFile(raw)
            groups = file.num_row_groups
        for group in range(groups):
            with naming_damage(folder, record):
                table = file.read_row_group(group, columns=columns)
            yield as_in_memory(table.select(wanted.names) if columns else table, wanted, where)
