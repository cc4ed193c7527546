"""Tables of URLs and captions: Parquet, CSV, TSV and JSON lines, plain or compressed."""

from collections.abc import Iterator
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.sources.config import SourceOptions
from pipeline.sources.csv_rows import csv_columns, read_csv
from pipeline.sources.json_lines import json_schema, read_json_lines
from pipeline.sources.source import BROKEN_DATA, Broken, InputSplit, Rows, first_line, raw_schema
from schemas.storage import file_size

URL_COLUMNS = ("url", "URL", "image_url", "Image URL", "IMAGE_URL", "img_url", "photo_image_url")
CAPTION_COLUMNS = ("caption", "CAPTION", "TEXT", "text", "alt", "ALT", "alt_text", "title")
PAGE_URL_COLUMNS = ("page_url", "parent_url")
LANGUAGE_COLUMNS = ("language", "LANGUAGE")
LICENSE_COLUMNS = ("license", "LICENSE")
"""Names the public tables use (LAION, COYO, CC3M/CC12M, DataComp, RedCaps, YFCC), in order of preference."""

SPLIT_BYTES = 64 << 20
READ_ROWS = 10_000

_CSV_LIKE = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


class UrlTable:
    """A glob of tables with one URL and one caption per row."""

    def __init__(
        self,
        files: list[tuple[str, str]],
        root_name: str,
        options: SourceOptions,
    ) -> None:
        """`files` are (path, name relative to the input's root); an empty column name in `options` means: find it.

        Raises ValueError that names the file and its columns when a column is missing.
        """
        self.root_name = root_name
        self._files = files
        self._url_column, self._caption_column = options.url_column, options.caption_column
        self.extra = self._extra_type(options.extra_columns)

    def _extra_type(self, names: tuple[str, ...]) -> pa.StructType:
        if not names:
            return pa.struct([])
        path, schema = self._first_whole_file()
        missing = [name for name in names if name not in schema.names]
        if missing:
            raise ValueError(f"{path}: no column {missing[0]!r} (--extra-columns); found {schema.names}")
        found = [(name, schema.field(name).type) for name in names]
        return pa.struct([(name, pa.string() if pa.types.is_null(kind) else kind) for name, kind in found])

    def _first_whole_file(self) -> tuple[str, pa.Schema]:
        for path, _ in self._files:
            try:
                return path, peek_schema(path)
            except BROKEN_DATA:
                continue
        raise ValueError(f"{self._files[0][0]}: none of the {len(self._files)} input files can be read")

    def splits(self) -> list[InputSplit]:
        found: list[InputSplit] = []
        for path, name in self._files:
            kind = kind_of(path)
            try:
                if kind != ".parquet":
                    columns = self._columns(path, peek_schema(path).names)
                    found.append(InputSplit(len(found), path, name, columns=columns))
                    continue
                with fsspec.open(path, "rb") as raw:
                    metadata = pq.ParquetFile(raw).metadata
            except BROKEN_DATA as error:
                if isinstance(error, ValueError) and not isinstance(error, pa.ArrowInvalid | UnicodeDecodeError):
                    raise  # a column is missing: the table is whole
                found.append(InputSplit(len(found), path, name))  # reading it makes the rejection
                continue
            columns = self._columns(path, metadata.schema.to_arrow_schema().names)
            begin = first_row = next_row = size = 0
            for group in range(metadata.num_row_groups):
                size += metadata.row_group(group).total_byte_size
                next_row += metadata.row_group(group).num_rows
                if size >= SPLIT_BYTES or group == metadata.num_row_groups - 1:
                    found.append(InputSplit(len(found), path, name, begin, group + 1, first_row, columns=columns))
                    begin, first_row, size = group + 1, next_row, 0
        return found

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken]:
        kind = kind_of(split.path)
        row = split.first_row
        try:
            found: Iterator[Rows | Broken]
            if kind == ".parquet":
                found = _read_parquet(split)
            elif kind in _CSV_LIKE:
                found = read_csv(split.path, _CSV_LIKE[kind])
            else:
                found = read_json_lines(split.path, [*split.columns, *self._optional_columns()])
            for item in found:
                row = item.position if isinstance(item, Broken) else int(item.numbers[-1]) if len(item.numbers) else row
                yield item if isinstance(item, Broken) else self._raw(split, item)
        except BROKEN_DATA as error:
            yield Broken("file_unreadable", row, f"{type(error).__name__}: {first_line(error)}")

    def _optional_columns(self) -> list[str]:
        return [*PAGE_URL_COLUMNS, *LANGUAGE_COLUMNS, *LICENSE_COLUMNS, *(field.name for field in self.extra)]

    def _columns(self, path: str, names: list[str]) -> tuple[str, str]:
        return (
            _find_column(path, names, self._url_column, URL_COLUMNS, "--url-column"),
            _find_column(path, names, self._caption_column, CAPTION_COLUMNS, "--caption-column"),
        )

    def _raw(self, split: InputSplit, rows: Rows) -> pa.Table:
        table = rows.table
        url, caption = split.columns
        size = len(table)
        columns: list[Any] = [
            _text(table, (url,)),
            pa.nulls(size, raw_schema(None).field("image_ref").type),
            _text(table, (caption,)),
            pa.array([caption] * size, pa.string()),
            _text(table, PAGE_URL_COLUMNS),
            pa.array(rows.numbers, pa.int64()),
            _text(table, LANGUAGE_COLUMNS),
            _text(table, LICENSE_COLUMNS),
        ]
        if self.extra.num_fields:
            parts = [_as_type(table, field) for field in self.extra]
            columns.append(pa.StructArray.from_arrays(parts, fields=list(self.extra)))
        return pa.Table.from_arrays(columns, schema=raw_schema(self.extra))


def kind_of(path: str) -> str:
    """Return the table kind of `path` by its name. Raises ValueError that lists the kinds."""
    name = path.lower().split("?")[0]
    for compression in _COMPRESSIONS:
        name = name.removesuffix(compression)
    for kind in (".parquet", *_CSV_LIKE, *_JSON_LINES):
        if name.endswith(kind):
            return kind
    raise ValueError(
        f"{path}: a url_table is named .parquet, .csv, .tsv, .jsonl, .ndjson or .json, plain or with "
        f"{', '.join(_COMPRESSIONS)}; rename it or choose another --input-format"
    )


def _find_column(path: str, names: list[str], wanted: str, known: tuple[str, ...], option: str) -> str:
    if wanted:
        if wanted not in names:
            raise ValueError(f"{path}: no column {wanted!r} ({option}); found {names}")
        return wanted
    for name in known:
        if name in names:
            return name
    raise ValueError(f"{path}: none of the columns {list(known)}; found {names}; name yours with {option}")


def peek_schema(path: str) -> pa.Schema:
    """Return the schema of a table from its beginning. Raises one of `BROKEN_DATA` for a damaged or empty file."""
    if file_size(path) == 0:
        raise EOFError("the file is empty")
    kind = kind_of(path)
    if kind in _CSV_LIKE:
        return pa.schema([(name, pa.string()) for name in csv_columns(path, _CSV_LIKE[kind])])
    if kind in _JSON_LINES:
        return json_schema(path)
    with fsspec.open(path, "rb") as raw:
        return pq.read_schema(raw)


def _read_parquet(split: InputSplit) -> Iterator[Rows | Broken]:
    with fsspec.open(split.path, "rb") as raw:
        file = pq.ParquetFile(raw)
        groups = list(range(split.begin, split.end or file.metadata.num_row_groups))
        row = split.first_row
        for batch in file.iter_batches(READ_ROWS, row_groups=groups):
            yield Rows(pa.Table.from_batches([batch]), np.arange(row, row + len(batch)))
            row += len(batch)


def _text(table: pa.Table, names: tuple[str, ...]) -> pa.Array:
    """Return the first of the columns `names` that is there, as text; numbers are written out, other kinds null."""
    name = next((name for name in names if name in table.schema.names), None)
    if name is None:
        return pa.nulls(len(table), pa.string())
    found = table[name].combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks)
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if pa.types.is_large_binary(found.type):
        found = found.cast(pa.binary())
    if pa.types.is_binary(found.type):
        return found.view(pa.string())  # bytes that are no UTF-8 are told apart, row by row, by collect
    try:
        return pc.cast(found, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(found), pa.string())


def _as_type(table: pa.Table, field: pa.Field) -> pa.Array:
    """Return a carried column in the type its first file gave it; null where it is missing or does not fit."""
    if field.name not in table.schema.names:
        return pa.nulls(len(table), field.type)
    try:
        return table[field.name].cast(field.type).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(table), field.type)
