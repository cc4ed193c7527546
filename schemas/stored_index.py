"""An index of shards as it lies in its file: what is a number a tar in memory, the offsets a group of tars at a time.

In: a Parquet file (`schemas/shard_index.py`), or a table. Out: `ShardIndex`, checked. The offsets of 400 million
samples are 100 MB, those of a group 0.3.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.shard_index import ROWS_A_GROUP, SHARD_INDEX, check_index
from schemas.storage import FileRecord, Folder
from schemas.tables import as_in_memory, naming_parquet, write_tables

OFFSETS = "offsets"
ROWS = pa.schema([field for field in SHARD_INDEX if field.name != OFFSETS])


@dataclass(frozen=True)
class ShardIndex:
    """An index whose numbers are those of tars; raises ValueError that names `where` and the tar for any other."""

    rows: pa.Table
    """`ROWS`, by name of the tar."""
    where: str
    _groups: Callable[[], Iterator[pa.Table]]

    def groups(self) -> Iterator[pa.Table]:
        """Yield the index (`SHARD_INDEX`), some tars at a time, in the order of `rows`; read anew at each call."""
        return self._groups()


def index_of_table(table: pa.Table, where: str) -> ShardIndex:
    """Return the index that is `table`; `where` names it in messages."""
    check_index(table, where)
    return ShardIndex(table.drop_columns([OFFSETS]).combine_chunks(), where, lambda: _slices(table))


def read_index(folder: Folder, name: str, record: FileRecord | None = None) -> ShardIndex:
    """Return the index in file `name` of `folder`. With its `record` the bytes are compared first."""
    if record is not None:
        folder.check_file(record)
    where = folder.path(name)
    rows, last = [ROWS.empty_table()], ""
    for table in _read_groups(folder, name):
        check_index(table, where)
        if table["tar"][0].as_py() <= last:
            raise ValueError(f"{where}: expected a row a tar, by name, found {table['tar'][0]} behind {last}")
        last = table["tar"][-1].as_py()
        rows.append(table.drop_columns([OFFSETS]))
    return ShardIndex(pa.concat_tables(rows).combine_chunks(), where, lambda: _read_groups(folder, name))


def write_index(folder: Folder, name: str, tables: Iterable[pa.Table]) -> FileRecord:
    """Write an index, by name of the tars, in groups; return its record."""
    cut = (part for table in tables for part in _slices(table))
    return write_tables(folder, name, cut, SHARD_INDEX)


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    for first in range(0, len(table), ROWS_A_GROUP):
        yield table.slice(first, ROWS_A_GROUP)


def _read_groups(folder: Folder, name: str) -> Iterator[pa.Table]:
    where = folder.path(name)
    with _opened(folder, name) as raw, naming_parquet(where):
        # Without threads of Arrow's: they would call Python's file while the interpreter ends.
        with pq.ParquetFile(raw, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, use_threads=False)
                for part in _slices(as_in_memory(table, SHARD_INDEX, where)):
                    yield part.combine_chunks()


@contextmanager
def _opened(folder: Folder, name: str) -> Iterator[IO[bytes]]:
    """Open a file for reading anywhere in it: one of another machine is copied to this one's disk first."""
    with folder.open(name) as raw:
        if folder.local:
            yield raw
            return
        with tempfile.TemporaryFile(prefix="webimagetext-") as copy:
            while piece := raw.read(8 << 20):
                copy.write(piece)
            copy.seek(0)
            yield copy
