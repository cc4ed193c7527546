"""``--output-format parquet``: the images of a plan as a column of its table, named as their format.

The rows are those of any shard's table; the column is null for an image that failed.
"""

from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa

from pipeline.download.shard.sinks.samples import ROWS_AT_ONCE, image_bytes
from pipeline.download.shard.table import ImageResult
from schemas.storage import FileRecord, Folder
from schemas.tables import write_tables


def write_images_table(
    folder: Folder, name: str, table: pa.Table, results: Sequence[ImageResult], spool: IO[bytes], encode_format: str
) -> FileRecord:
    """Write `table` (`pipeline.download.shard.table.shard_table`) with the images; a row group each `ROWS_AT_ONCE`."""
    column = pa.field(image_column(table.schema.names, encode_format), pa.binary())
    return write_tables(folder, name, _with_images(table, results, spool, column), table.schema.append(column))


def image_column(names: Sequence[str], encode_format: str) -> str:
    """Return the column's name: the format's, or ``image_FORMAT`` where a column carried through is called so."""
    taken = {name.lower() for name in names}
    found = encode_format
    while found in taken:
        found = f"image_{found}"
    return found


def _with_images(
    table: pa.Table, results: Sequence[ImageResult], spool: IO[bytes], column: pa.Field
) -> Iterator[pa.Table]:
    for first in range(0, len(table), ROWS_AT_ONCE):
        rows = results[first : first + ROWS_AT_ONCE]
        images = [None if result.failure else image_bytes(result, spool) for result in rows]
        yield table.slice(first, ROWS_AT_ONCE).append_column(column, pa.array(images, pa.binary()))
