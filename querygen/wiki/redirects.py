"""Redirects of a wiki as a table: (title, target) pairs in, Arrow rows or a file of them out."""

import pyarrow as pa
import pyarrow.ipc as ipc

from schemas.arrow_types import arrow_file
from schemas.storage import FileRecord, Folder

REDIRECTS = pa.schema([pa.field("from_title", pa.string()), pa.field("to_title", pa.string())])


def redirect_table(redirects: dict[str, str] | list[tuple[str, str]]) -> pa.Table:
    """Return `redirects` (title and target) as a table of `REDIRECTS`."""
    rows = list(redirects.items()) if isinstance(redirects, dict) else redirects
    columns = [pa.array([row[k] for row in rows], pa.string()) for k in (0, 1)]
    return pa.Table.from_arrays(columns, schema=REDIRECTS)


def write_redirects(folder: Folder, name: str, table: pa.Table) -> FileRecord:
    with folder.writing(name) as sink:
        with ipc.new_file(arrow_file(sink, mode="w"), REDIRECTS) as writer:
            writer.write_table(table)
    return FileRecord(name, len(table), sink.bytes, sink.sha256)
