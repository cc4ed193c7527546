"""What is to be read of a url_table: files in; parts, the columns of each, and the types of those carried through, out.

Every file is looked at once, before the run (`PLANNING_THREADS` at a time): which columns it has, where it can be cut.
A file that is damaged where this looks is one part without columns; reading it makes the rejection.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sources.config import SourceOptions
from pipeline.sources.files.byte_ranges import COMPRESSIONS, is_compressed, is_damaged, name_of
from pipeline.sources.files.input_file import open_input
from pipeline.sources.source import BROKEN_DATA, InputFile, InputSplit
from pipeline.sources.tables.csv_dialect import read_beginning
from pipeline.sources.tables.csv_rows import cut_csv
from pipeline.sources.tables.json_lines import cut_json_lines, json_names, json_schema
from pipeline.sources.tables.nested import type_at
from pipeline.sources.tables.row_filter import row_filter
from pipeline.sources.tables.table_columns import (
    LANGUAGE_COLUMNS,
    LICENSE_COLUMNS,
    PAGE_URL_COLUMNS,
    caption_beside,
    header_of,
    is_percent_encoded,
    pair_columns,
)
from pipeline.sources.tables.value_kinds import common_type, plain_type
from schemas.storage import file_size

SPLIT_BYTES = 64 << 20
PLANNING_THREADS = 16

CSV_LIKE = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
_KINDS = (".parquet", *CSV_LIKE, *JSON_LINES)
_FOUND_KINDS = tuple(kind for kind in _KINDS if kind != ".txt")
TABLE_SUFFIXES = (*_FOUND_KINDS, *(kind + packed for kind in _FOUND_KINDS[1:] for packed in COMPRESSIONS))
"""Of the files that a folder stands for. A .txt is one where it is named: in a folder it may say anything."""
OPTIONAL = (*PAGE_URL_COLUMNS, *LANGUAGE_COLUMNS, *LICENSE_COLUMNS)


@dataclass(frozen=True)
class TablePlan:
    """The parts, and the columns carried through."""

    splits: list[InputSplit]
    extra: dict[str, pa.DataType | None]
    """Their types; None: open (`pipeline.sources.tables.value_kinds`)."""


@dataclass(frozen=True)
class _File:
    """One file as planned; `schema` is None for a damaged one, of a file of JSON lines what its first lines tell."""

    path: str
    splits: list[InputSplit]
    schema: pa.Schema | None

    @property
    def is_json(self) -> bool:
        return kind_of(self.path) in JSON_LINES


def plan_tables(files: Iterable[InputFile], options: SourceOptions) -> TablePlan:
    """Plan the reading of `files`.

    Raises ValueError that names the file, and its columns, when one that is asked for is not there or cannot be used.
    """

    with ThreadPoolExecutor(PLANNING_THREADS) as pool:
        found = list(pool.map(partial(_plan_file, options=options), files))
    splits = [split for file in found for split in file.splits]
    whole = [file for file in found if file.schema is not None]
    if (options.extra_columns or options.where or options.uids) and not whole:
        raise ValueError(f"{found[0].path}: none of the {len(found)} input files can be read")
    where = row_filter(options.where, "", "").where
    _require(whole, options.extra_columns, "--extra-columns")
    _require(whole, tuple(where.kinds) if where is not None else (), "--where")
    _require(whole, (options.uid_column,) if options.uids else (), "--uid-column")
    _check_comparisons(whole, options)
    return TablePlan(
        [replace(split, index=index) for index, split in enumerate(splits)],
        _carried_types(whole, options.extra_columns),
    )


def plan_again(split: InputSplit, options: SourceOptions) -> InputSplit:
    """Return the file of a `split` that could not be read when the run was planned. Raises one of `BROKEN_DATA`."""
    try:
        return _whole_text(InputFile(split.path, split.name, split.file_bytes), options)[0]
    except BROKEN_DATA:
        raise
    except ValueError as error:  # what is read for a header is noise
        raise EOFError(str(error)) from error


def kind_of(path: str) -> str:
    """Return the table kind of `path` by its name. Raises ValueError that lists the kinds."""
    name = name_of(path).lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    for kind in _KINDS:
        if name.endswith(kind):
            return kind
    raise ValueError(
        f"{path}: a url_table is named .parquet, .csv, .tsv, .txt, .jsonl, .ndjson or .json, plain or with "
        f"{', '.join(COMPRESSIONS)}; rename it or choose another --input-format"
    )


def _plan_file(file: InputFile, options: SourceOptions) -> _File:
    path = file.path
    is_parquet = kind_of(path) == ".parquet"
    try:
        if file.num_bytes is None:  # of a listing: planning opens the file anyway
            file = replace(file, num_bytes=file_size(path))
        if file.num_bytes == 0:
            raise EOFError("the file is empty")
        splits, schema = _parquet_splits(file, options) if is_parquet else _text_splits(file, options)
    except (*BROKEN_DATA, ValueError) as error:
        if not isinstance(error, BROKEN_DATA) and not is_damaged(path, SPLIT_BYTES):
            raise
        return _File(path, [InputSplit(0, path, file.name, file_bytes=file.num_bytes)], None)
    return _File(path, splits, schema)


def _text_splits(file: InputFile, options: SourceOptions) -> tuple[list[InputSplit], pa.Schema]:
    path = file.path
    whole, schema = _whole_text(file, options)
    if is_compressed(path) or (file.num_bytes or 0) <= SPLIT_BYTES:
        return [whole], schema
    if whole.dialect is not None:
        parts = cut_csv(path, whole.dialect, whole.begin, SPLIT_BYTES)
    else:
        parts = cut_json_lines(path, SPLIT_BYTES)
    return [replace(whole, begin=part.begin, end=part.end, first_row=part.first_row) for part in parts], schema


def _whole_text(file: InputFile, options: SourceOptions) -> tuple[InputSplit, pa.Schema]:
    """Return a CSV, TSV or JSON lines file as one split, and its columns."""
    path = file.path
    kind = kind_of(path)
    whole = InputSplit(0, path, file.name, file_bytes=file.num_bytes)
    if kind not in CSV_LIKE:
        schema = json_schema(path)
        columns = _columns(path, schema, options)
        beside, encoded = caption_beside(schema, options.caption_column), is_percent_encoded(columns)
        return replace(whole, columns=columns, caption_beside=beside, percent_encoded=encoded), schema
    beginning = read_beginning(path, CSV_LIKE[kind], options.csv_escape)
    header = header_of(beginning.cells)
    schema = pa.schema([(column, pa.string()) for column in header.names])
    columns = _columns(path, schema, options)
    split = replace(
        whole, begin=beginning.behind if header.in_file else beginning.begin, columns=columns, names=header.names,
        dialect=beginning.dialect, percent_encoded=is_percent_encoded(columns),
    )  # fmt: skip
    return split, schema


def _parquet_splits(file: InputFile, options: SourceOptions) -> tuple[list[InputSplit], pa.Schema]:
    path = file.path
    with open_input(path) as raw:
        metadata = pq.ParquetFile(raw).metadata
    schema = metadata.schema.to_arrow_schema()
    columns = _columns(path, schema, options)
    whole = InputSplit(
        0, path, file.name, columns=columns, caption_beside=caption_beside(schema, options.caption_column),
        percent_encoded=is_percent_encoded(columns), file_bytes=file.num_bytes,
    )  # fmt: skip
    found: list[InputSplit] = []
    begin = first_row = next_row = size = 0
    for group in range(metadata.num_row_groups):
        size += metadata.row_group(group).total_byte_size
        next_row += metadata.row_group(group).num_rows
        if size >= SPLIT_BYTES or group == metadata.num_row_groups - 1:
            found.append(replace(whole, begin=begin, end=group + 1, first_row=first_row))
            begin, first_row, size = group + 1, next_row, 0
    return found, schema


def _columns(path: str, schema: pa.Schema, options: SourceOptions) -> tuple[str, str]:
    """Return the columns of URL and caption, the others asked for checked."""
    where = row_filter(options.where, "", "").where
    compared = tuple(where.kinds) if where is not None else ()
    uid = (options.uid_column,) if options.uids else ()
    if kind_of(path) not in JSON_LINES:  # of JSON any line may have more members than the first ones
        for name, option in (*((name, "--where") for name in compared), *((name, "--uid-column") for name in uid)):
            if name not in schema.names:
                raise _missing_column(path, schema, name, option)
        if uid:
            _check_uids(path, schema, options.uid_column)
    pair = pair_columns(path, schema, options.url_column, options.caption_column, options.needs_captions)
    for name in (*filter(None, pair), *options.extra_columns, *compared, *OPTIONAL, *uid):
        if (times := schema.names.count(name)) > 1:
            raise ValueError(
                f"{path}: column {name!r} stands there {times} times, so which is meant cannot be told; rename or "
                "leave out all but one"
            )
    return pair


def _check_uids(path: str, schema: pa.Schema, name: str) -> None:
    kind = plain_type(schema.field(name).type)
    if not (kind in (pa.string(), pa.binary(), pa.null()) or pa.types.is_fixed_size_binary(kind)):
        raise ValueError(f"{path}: column {name!r} (--uid-column) is of type {kind}; uids are texts, or 16 bytes each")


def _missing_column(path: str, schema: pa.Schema, name: str, option: str) -> ValueError:
    hint = "; text stands in single quotes: 'en'" if option == "--where" else ""
    return ValueError(f"{path}: no column {name!r} ({option}); found {list(schema.names)}{hint}")


def _check_comparisons(files: list[_File], options: SourceOptions) -> None:
    """Raise ValueError when ``--where`` compares a column of numbers with a text: no row would stay."""
    where = row_filter(options.where, "", "").where
    for name in (name for name, kind in (where.kinds if where is not None else {}).items() if kind == "text"):
        if any(file.is_json for file in files):  # any line may have a text there, and the column at all
            continue
        kinds = {kind for file in files if (kind := _type_in(file, name)) is not None}
        if all(map(_is_number, kinds)):
            told = ", ".join(sorted(map(str, kinds)))
            raise ValueError(f"--where {options.where!r}: column {name!r} holds numbers ({told}), no texts")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _require(files: list[_File], names: tuple[str, ...], option: str) -> None:
    """Raise ValueError when no file has one of `names`. The first file of JSON is searched for it to its end."""
    missing = [name for name in names if all(_type_in(file, name) is None for file in files)]
    searched = next((file.path for file in files if file.is_json), None) if missing else None
    known = json_names(searched, missing) if searched is not None else set()
    for name in missing:
        if name not in known:
            assert files[0].schema is not None
            raise _missing_column(files[0].path, files[0].schema, name, option)


def _carried_types(files: list[_File], names: tuple[str, ...]) -> dict[str, pa.DataType | None]:
    """Return the types of the columns carried through: those that hold the values of all files."""
    if any(file.is_json for file in files):
        return dict.fromkeys(names)
    types = {name: [kind for file in files if (kind := _type_in(file, name)) is not None] for name in names}
    return {name: common_type(kinds) for name, kinds in types.items()}


def _type_in(file: _File, name: str) -> pa.DataType | None:
    return type_at(file.schema, name) if file.schema is not None else None
