"""Read articles from Parquet instead of a dump: columns title and text (plain, no wikitext) in, `Page` records out.

The layout is that of ``wikimedia/wikipedia`` on the Hugging Face hub: id, url, title, text, one row an article; id and
url are not needed. A row group that cannot be read and a row without title or text is a rejection.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from querygen.wiki.page import MAX_PAGE_BYTES, Page, SiteInfo
from schemas.arrow_types import decoded
from schemas.rejection import Rejection

PARQUET_MARK = b"PAR1"
BATCH_ROWS = 8
"""Rows held at a time: a row may be as long as `MAX_PAGE_BYTES`, or hundreds of MB long and rejected."""
COLUMNS = ("title", "text")
_UNREADABLE = (pa.ArrowException, OSError)


class ArticleTable:
    """The articles of some row groups of a Parquet file; iterate once. `position` of a page is its row in the file."""

    def __init__(
        self,
        path: str,
        name: str,
        start: int,
        end: int,
        file_bytes: int,
        progress: Callable[[int], Any] = lambda num_bytes: None,
    ) -> None:
        """Read row groups ``[start, end)``; `progress` is told `file_bytes` in all."""
        self.path = path
        self.name = name
        self.site = SiteInfo()
        self.rejections: list[Rejection] = []
        self.num_bytes = 0
        """Bytes of title and text seen so far."""
        self._groups = range(start, end)
        self._file_bytes = file_bytes
        self._progress = progress

    def __iter__(self) -> Iterator[Page]:
        told = 0
        try:
            with fsspec.open(self.path, "rb") as raw:
                table = pq.ParquetFile(raw)
                check_columns(table.schema_arrow, self.path)
                sizes = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
                first_rows = [0, *accumulate(sizes)]
                for place, group in enumerate(self._groups):
                    yield from self._group(table, group, first_rows[group])
                    share = self._file_bytes * (place + 1) // len(self._groups) - told
                    self._progress(share)
                    told += share
        except _UNREADABLE as error:
            self.rejections.append(Rejection("file_unreadable", self.name, -1, type(error).__name__))
        self._progress(self._file_bytes - told)

    def _group(self, table: pq.ParquetFile, group: int, row: int) -> Iterator[Page]:
        try:
            for batch in table.iter_batches(BATCH_ROWS, row_groups=[group], columns=list(COLUMNS), use_threads=False):
                titles, texts = (_as_bytes(batch.column(column)) for column in COLUMNS)
                for title, text in zip(titles, texts, strict=True):
                    page = self._page(title, text, row)
                    row += 1
                    if page is not None:
                        yield page
        except _UNREADABLE as error:
            value = f"{type(error).__name__} in row group {group}"
            self.rejections.append(Rejection("file_unreadable", self.name, row, value))

    def _page(self, title: bytes | None, text: bytes | None, row: int) -> Page | None:
        if not title or text is None or len(text) > MAX_PAGE_BYTES:
            self.rejections.append(Rejection("row_malformed", self.name, row, title))
            return None
        self.num_bytes += len(title) + len(text)
        try:
            name = title.decode()
        except UnicodeDecodeError:
            self.rejections.append(Rejection("row_malformed", self.name, row, title))
            return None
        return Page(title=name, namespace=0, redirect=None, text=text, position=row, is_plain=True)


def row_group_ranges(raw: IO[bytes], path: str, file_bytes: int, unit_bytes: int) -> list[tuple[int, int, int]]:
    """Return (first row group, last + 1, share of `file_bytes`) of parts of about `unit_bytes`; the shares sum up.

    Raises ValueError when the columns are not those of articles. A file that cannot be read is one part.
    """
    try:
        table = pq.ParquetFile(raw)
        check_columns(table.schema_arrow, path)
        sizes = [_column_bytes(table.metadata.row_group(group)) for group in range(table.num_row_groups)]
    except _UNREADABLE:
        return [(0, 0, file_bytes)]
    parts: list[tuple[int, int, int]] = []
    start = size = 0
    for group, group_bytes in enumerate(sizes):
        size += group_bytes
        if size >= unit_bytes or group == len(sizes) - 1:
            parts.append((start, group + 1, size))
            start, size = group + 1, 0
    if not parts:
        return [(0, 0, file_bytes)]
    start, end, size = parts[-1]  # takes the footer and the columns that are not read
    parts[-1] = (start, end, size + max(0, file_bytes - sum(part[2] for part in parts)))
    return parts


def check_columns(schema: pa.Schema, path: str) -> None:
    """Raise ValueError unless `schema` has the columns read here, as strings."""
    for name in COLUMNS:
        places = schema.get_all_field_indices(name)
        found = schema.field(places[0]).type if len(places) == 1 else f"{len(places)} such columns"
        if len(places) != 1 or not _is_string(found):
            raise ValueError(
                f"{path}: expected one column {name!r} of strings, found {found} (columns: "
                f"{', '.join(schema.names[:20])}); articles are read from Parquet with columns id, url, title, text"
            )


def _is_string(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _column_bytes(group: pq.RowGroupMetaData) -> int:
    columns = [group.column(place) for place in range(group.num_columns)]
    return sum(column.total_compressed_size for column in columns if column.path_in_schema in COLUMNS)


def _as_bytes(column: pa.Array) -> list[bytes | None]:
    if pa.types.is_dictionary(column.type):
        column = decoded(column)
    found: list[bytes | None] = column.cast(pa.large_binary()).to_pylist()
    return found
