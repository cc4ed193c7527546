"""Tables of URLs and captions: Parquet, CSV, TSV and JSON lines, plain or compressed, in parts of about `SPLIT_BYTES`.

Parquet is cut between row groups (one large row group is streamed); plain CSV, TSV and JSON lines are cut where rows
end, which takes reading a file that is larger than a part once while the run is planned (`PLANNING_THREADS` files at
once); a compressed text file is one part, streamed. Neither rows nor their numbers depend on the parts.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.sources.byte_ranges import COMPRESSIONS, is_compressed, is_damaged, name_of
from pipeline.sources.config import SourceOptions
from pipeline.sources.csv_dialect import Beginning, read_beginning
from pipeline.sources.csv_rows import cut_csv, read_csv
from pipeline.sources.input_file import open_input
from pipeline.sources.json_lines import cut_json_lines, json_schema, read_json_lines
from pipeline.sources.parquet_rows import read_parquet
from pipeline.sources.row_filter import RowFilter, row_filter
from pipeline.sources.source import (
    BROKEN_DATA,
    Broken,
    ByteRange,
    Dropped,
    InputSplit,
    Rows,
    first_line,
    raw_schema,
)
from pipeline.sources.table_columns import (
    LANGUAGE_COLUMNS,
    LICENSE_COLUMNS,
    PAGE_URL_COLUMNS,
    header_of,
    is_percent_encoded,
    pair_columns,
)
from pipeline.sources.text_columns import as_text, as_type, as_utf8, percent_decoded
from schemas.storage import file_size

SPLIT_BYTES = 64 << 20
PLANNING_THREADS = 16

_CSV_LIKE = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_KINDS = (".parquet", *_CSV_LIKE, *_JSON_LINES)
TABLE_SUFFIXES = (*_KINDS, *(kind + packed for kind in _KINDS[1:] for packed in COMPRESSIONS))
_OPTIONAL = (*PAGE_URL_COLUMNS, *LANGUAGE_COLUMNS, *LICENSE_COLUMNS)


class UrlTable:
    """A glob of tables with one URL and one caption per row."""

    num_passed_over = 0
    has_listing = False

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
        self._options = options
        self.extra, self._types = self._column_types()
        self._check_comparisons()

    def _column_types(self) -> tuple[pa.StructType, dict[str, pa.DataType]]:
        """Return the type of the column ``extra``, and of every column read by name as the first whole file has it."""
        extra = self._options.extra_columns
        if not extra and not self._options.where and not self._options.uids:
            return pa.struct([]), {}
        path, schema = self._first_whole_file()
        _check_columns(path, schema.names, extra, "--extra-columns")
        types = {field.name: pa.string() if pa.types.is_null(field.type) else field.type for field in schema}
        return pa.struct([(name, types[name]) for name in extra]), types

    def _first_whole_file(self) -> tuple[str, pa.Schema]:
        for path, _ in self._files:
            try:
                return path, peek_schema(path)
            except BROKEN_DATA:
                continue
        raise ValueError(f"{self._files[0][0]}: none of the {len(self._files)} input files can be read")

    def _check_comparisons(self) -> None:
        """Raise ValueError when ``--where`` compares a column of numbers with a text: no row would stay."""
        where = row_filter(self._options.where, "", self._options.uid_column).where
        for name, kind in (where.kinds if where is not None else {}).items():
            found = self._types.get(name)
            if kind == "text" and found is not None and (pa.types.is_integer(found) or pa.types.is_floating(found)):
                raise ValueError(f"--where {self._options.where!r}: column {name!r} holds numbers ({found}), no texts")

    def splits(self) -> list[InputSplit]:
        with ThreadPoolExecutor(PLANNING_THREADS) as pool:
            found = [split for splits in pool.map(self._splits_of, self._files) for split in splits]
        return [replace(split, index=index) for index, split in enumerate(found)]

    def _splits_of(self, file: tuple[str, str]) -> list[InputSplit]:
        path, name = file
        kind = kind_of(path)
        try:
            if kind == ".parquet":
                return self._parquet_splits(path, name)
            whole = self._text_split(path, name)
            if is_compressed(path) or file_size(path) <= SPLIT_BYTES:
                return [whole]
            parts = (
                cut_csv(path, whole.dialect, whole.begin, SPLIT_BYTES)
                if whole.dialect is not None
                else cut_json_lines(path, SPLIT_BYTES)
            )
        except (*BROKEN_DATA, ValueError) as error:
            if not isinstance(error, BROKEN_DATA) and not is_damaged(path, SPLIT_BYTES):
                raise
            return [InputSplit(0, path, name)]  # reading it makes the rejection
        return [replace(whole, begin=part.begin, end=part.end, first_row=part.first_row) for part in parts]

    def _text_split(self, path: str, name: str) -> InputSplit:
        """Return a CSV, TSV or JSON lines file as one split. Raises one of `BROKEN_DATA`."""
        if kind_of(path) not in _CSV_LIKE:
            columns = self._columns(path, peek_schema(path).names)
            return InputSplit(0, path, name, columns=columns, percent_encoded=is_percent_encoded(columns))
        beginning = self._beginning(path)
        header = header_of(beginning.cells)
        columns = self._columns(path, list(header.names))
        return InputSplit(
            0, path, name, beginning.behind if header.in_file else beginning.begin, columns=columns,
            names=header.names, dialect=beginning.dialect, percent_encoded=is_percent_encoded(columns),
        )  # fmt: skip

    def _beginning(self, path: str) -> Beginning:
        return read_beginning(path, _CSV_LIKE[kind_of(path)], self._options.csv_escape)

    def _damaged_split(self, split: InputSplit) -> InputSplit:
        """Return the whole file of a `split` that could not be read when the run was planned, if it can be now."""
        try:
            return self._text_split(split.path, split.name)
        except BROKEN_DATA:
            raise
        except ValueError as error:  # what is read for a header is noise
            raise EOFError(str(error)) from error

    def _parquet_splits(self, path: str, name: str) -> list[InputSplit]:
        with open_input(path) as raw:
            metadata = pq.ParquetFile(raw).metadata
        columns = self._columns(path, metadata.schema.to_arrow_schema().names)
        encoded = is_percent_encoded(columns)
        found: list[InputSplit] = []
        begin = first_row = next_row = size = 0
        for group in range(metadata.num_row_groups):
            size += metadata.row_group(group).total_byte_size
            next_row += metadata.row_group(group).num_rows
            if size >= SPLIT_BYTES or group == metadata.num_row_groups - 1:
                split = InputSplit(0, path, name, begin, group + 1, first_row, columns=columns, percent_encoded=encoded)
                found.append(split)
                begin, first_row, size = group + 1, next_row, 0
        return found

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped]:
        row = split.first_row
        keep = row_filter(self._options.where, self._options.uids, self._options.uid_column)
        try:
            for item in self._rows(split, keep):
                if isinstance(item, Rows):
                    row = int(item.numbers[-1]) if len(item.numbers) else row
                    for kept in keep.apply(item):
                        yield self._raw(split, kept) if isinstance(kept, Rows) else kept
                else:
                    row = item.position if isinstance(item, Broken) else row
                    yield item
        except BROKEN_DATA as error:
            yield Broken("file_unreadable", row, f"{type(error).__name__}: {first_line(error)}")

    def _rows(self, split: InputSplit, keep: RowFilter) -> Iterator[Rows | Broken | Dropped]:
        kind = kind_of(split.path)
        if kind != ".parquet" and not any(split.columns):
            split = self._damaged_split(split)
        part = ByteRange(split.begin, split.end, split.first_row)
        wanted = [*split.columns, *_OPTIONAL, *(field.name for field in self.extra), *self._filter_columns(keep)]
        if kind == ".parquet":
            return read_parquet(split, wanted, keep.where)
        if split.dialect is not None:
            return read_csv(split.path, split.dialect, split.names, wanted, part)
        return read_json_lines(split.path, self._json_columns(split, keep), part)

    def _json_columns(self, split: InputSplit, keep: RowFilter) -> pa.Schema:
        """Return the columns to read from JSON lines; those of the pair, and optional ones, are text."""
        types = {name: pa.string() for name in (*split.columns, *_OPTIONAL)}
        kinds = keep.where.kinds if keep.where is not None else {}
        carried = {field.name: field.type for field in self.extra}
        for name in self._filter_columns(keep):
            found = self._types.get(name, pa.string())
            # The first lines may hold whole numbers only.
            types.setdefault(
                name, pa.float64() if kinds.get(name) == "number" and pa.types.is_integer(found) else found
            )
        return pa.schema({**carried, **types}.items())

    def _filter_columns(self, keep: RowFilter) -> list[str]:
        names = list(keep.where.kinds) if keep.where is not None else []
        return [*names, *([keep.uid_column] if keep.uids is not None else [])]

    def _columns(self, path: str, names: list[str]) -> tuple[str, str]:
        """Return the columns of URL and caption, the others asked for checked."""
        options = self._options
        where = row_filter(options.where, "", "").where
        if where is not None:
            _check_columns(path, names, tuple(where.kinds), "--where")
        if options.uids:
            _check_columns(path, names, (options.uid_column,), "--uid-column")
        pair = pair_columns(path, names, options.url_column, options.caption_column)
        others = (*options.extra_columns, *(where.kinds if where is not None else ()), *_OPTIONAL)
        _check_once(path, names, (*pair, *others, *([options.uid_column] if options.uids else [])))
        return pair

    def _raw(self, split: InputSplit, rows: Rows) -> pa.Table:
        table = rows.table
        url, caption = split.columns
        size = len(table)
        text = as_text(table[caption])
        columns: list[Any] = [
            as_text(table[url]),
            pa.nulls(size, raw_schema(None).field("image_ref").type),
            percent_decoded(text) if split.percent_encoded else text,
            pa.repeat(pa.scalar(caption, pa.string()), size),
            _first_of(table, PAGE_URL_COLUMNS),
            pa.array(rows.numbers, pa.int64()),
            _first_of(table, LANGUAGE_COLUMNS),
            _first_of(table, LICENSE_COLUMNS),
        ]
        if self.extra.num_fields:
            parts = [_carried(table, field) for field in self.extra]
            columns.append(pa.StructArray.from_arrays(parts, fields=list(self.extra)))
        return pa.Table.from_arrays(columns, schema=raw_schema(self.extra))


def kind_of(path: str) -> str:
    """Return the table kind of `path` by its name. Raises ValueError that lists the kinds."""
    name = name_of(path).lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    for kind in _KINDS:
        if name.endswith(kind):
            return kind
    raise ValueError(
        f"{path}: a url_table is named .parquet, .csv, .tsv, .jsonl, .ndjson or .json, plain or with "
        f"{', '.join(COMPRESSIONS)}; rename it or choose another --input-format"
    )


def peek_schema(path: str) -> pa.Schema:
    """Return the schema of a table from its beginning. Raises one of `BROKEN_DATA` for a damaged or empty file."""
    if file_size(path) == 0:
        raise EOFError("the file is empty")
    kind = kind_of(path)
    if kind in _CSV_LIKE:
        return pa.schema([(name, pa.string()) for name in header_of(read_beginning(path, _CSV_LIKE[kind]).cells).names])
    if kind in _JSON_LINES:
        return json_schema(path)
    with open_input(path) as raw:
        return pq.read_schema(raw)


def _check_columns(path: str, names: list[str], wanted: tuple[str, ...], option: str) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        hint = "; text stands in single quotes: 'en'" if option == "--where" else ""
        raise ValueError(f"{path}: no column {missing[0]!r} ({option}); found {names}{hint}")


def _check_once(path: str, names: list[str], wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if names.count(name) > 1:
            raise ValueError(
                f"{path}: column {name!r} stands there {names.count(name)} times, so which is meant cannot be told; "
                "rename or leave out all but one"
            )


def _first_of(table: pa.Table, names: tuple[str, ...]) -> pa.Array:
    """Return, row by row, the first value in the columns `names`, as text."""
    present = [as_utf8(table[name]) for name in names if name in table.schema.names]
    if not present:
        return pa.nulls(len(table), pa.string())
    return present[0] if len(present) == 1 else pc.coalesce(*present)


def _carried(table: pa.Table, field: pa.Field) -> pa.Array:
    """Return a carried column in the type its first file gave it; null where it is missing or does not fit."""
    if field.name not in table.schema.names:
        return pa.nulls(len(table), field.type)
    found = table[field.name]
    return as_utf8(found) if pa.types.is_string(field.type) else as_type(found, field.type)
