"""Rows of some row groups of a Parquet file, streamed: a row group may be as large as the file.

Row groups whose statistics rule ``--where`` out are not read, only counted.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sources.files.input_file import open_input
from pipeline.sources.source import BROKEN_DATA, Broken, Dropped, InputSplit, Rows, first_line
from pipeline.sources.tables.nested import path_to_read
from pipeline.sources.tables.row_filter import WHERE

if TYPE_CHECKING:
    from pipeline.sources.tables.where import Where

READ_ROWS = 10_000
BUFFER_BYTES = 1 << 20
"""A column of a row group is read in pieces of this size."""


def read_parquet(split: InputSplit, columns: Iterable[str], where: "Where | None") -> Iterator[Rows | Broken | Dropped]:
    """Yield the rows of the row groups ``split.begin`` to ``split.end`` with those of `columns` that are there."""
    with open_input(split.path, split.file_bytes) as raw:
        # Not pre-buffered: that reads whole columns of a row group before the first row.
        file = pq.ParquetFile(raw, buffer_size=BUFFER_BYTES, pre_buffer=False)
        groups = list(range(split.begin, split.end or file.metadata.num_row_groups))
        possible = set(groups) if where is None else possible_groups(split.path, groups, file.schema_arrow, where)
        paths = (path_to_read(file.schema_arrow, name) for name in columns)
        present = list(dict.fromkeys(path for path in paths if path is not None))
        row = split.first_row
        for group in groups:
            size = file.metadata.row_group(group).num_rows
            if group not in possible:
                yield Dropped(WHERE, size)
                row += size
                continue
            following = row + size
            try:
                for batch in file.iter_batches(READ_ROWS, row_groups=[group], columns=present):
                    yield Rows(pa.Table.from_batches([batch]), np.arange(row, row + len(batch)))
                    row += len(batch)
            except BROKEN_DATA as error:  # a damaged page: the other row groups are read
                found = f"row group {group} from row {row} on: {type(error).__name__}: {first_line(error)}"
                yield Broken("file_unreadable", row, found)
            row = following


def possible_groups(path: str, groups: list[int], schema: pa.Schema, where: "Where") -> set[int]:
    """Return those of the row groups `groups` that can hold a row for which `where` is true."""
    import pyarrow.dataset as pa_dataset  # only for --where: a tenth of a second
    import pyarrow.fs as pa_fs

    fs, name = fsspec.core.url_to_fs(path)
    handler: Any = pa_fs.FSSpecHandler  # to the stubs an abstract class
    wrapped = pa_fs.PyFileSystem(handler(fs))
    fragment: Any = pa_dataset.ParquetFileFormat().make_fragment(name, wrapped, row_groups=groups)
    return {group.id for group in fragment.subset(filter=where.bound(schema), schema=schema).row_groups}
