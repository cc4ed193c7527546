"""Rows of JSON lines, or of a part of them: path and byte range in; tables of plain texts, and broken lines, out.

pyarrow's parser tells whether all lines of a block are JSON; only a block of which one is not is parsed line by line,
with the same result for every good line. The values asked for are then cut out of the bytes as they stand
(`pipeline.sources.tables.json_values`): no value has to fit the type of another. Lines are numbered from 0, blank ones
not counted.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from pipeline.sources.files.byte_ranges import BLOCK_BYTES, read_blocks
from pipeline.sources.source import BROKEN_DATA, Broken, ByteRange, Rows, is_unicode
from pipeline.sources.tables.json_values import JsonLines, lines_of
from pipeline.sources.tables.text_columns import is_utf8

PEEK_BYTES = 1 << 18
MAX_LINE_BYTES = 8 << 20
"""A longer line is a rejection."""
_NO_COLUMN = pa.schema([("\0", pa.null())])
"""For parsing without making a column: pyarrow counts no rows of a table that may have none."""


def json_schema(path: str) -> pa.Schema:
    """Return the columns of the first lines, those of any of them, with their types (null: not told by them).

    Raises ValueError for what is no JSON lines, one of `BROKEN_DATA` when nothing can be read.
    """
    head = _first_lines(path)
    values = [_parsed(line) for line in head.split(b"\n")]
    good = [value for value in values if isinstance(value, dict)]
    if not good and b"\r" in head.strip() and isinstance(_parsed(head.split(b"\r")[0]), dict):
        raise ValueError(
            f"{path}: expected lines that end in LF or CR LF, found CR alone, as an old Mac writes them; "
            "convert it: tr '\\r' '\\n' < OLD > NEW"
        )
    if not good and head.lstrip()[:1] in (b"{", b"["):
        raise ValueError(
            f"{path}: expected JSON lines, an object per line; found a JSON document: make lines of it, for example by "
            "jq -c '.[]' (README.md has the commands for RedCaps and SBU)"
        )
    names = dict.fromkeys(name for value in good for name in value if is_unicode(name))
    return pa.schema([(name, _type_of([value.get(name) for value in good])) for name in names])


def json_names(path: str, names: Sequence[str]) -> set[str]:
    """Return those of `names` that a line of the file has, wherever it stands; reads on until all are found."""
    missing = set(names)
    with suppress(*BROKEN_DATA):
        for block, _ in _whole_lines(path, ByteRange()):
            near = [name for name in missing if f'"{name.rpartition(".")[2]}"'.encode() in block]
            if near:
                missing -= lines_of(block).names_of(near)
            if not missing:
                break
    return set(names) - missing


def _first_lines(path: str) -> bytes:
    """Return the lines of the first `PEEK_BYTES`, the last of them whole, as far as the file can be read."""
    head = b""
    try:
        for block in read_blocks(path):
            head += block
            end = head.find(b"\n", PEEK_BYTES)
            if end >= 0 or len(head) > PEEK_BYTES + MAX_LINE_BYTES:
                return head[:end]
    except BROKEN_DATA:
        if not head:
            raise
    return head


def read_json_lines(path: str, names: Sequence[str], part: ByteRange) -> Iterator[Rows | Broken]:
    """Yield the rows of `part` with the values of `names`, in plain text, and their kinds."""
    row = part.first_row
    for block, _ in _whole_lines(path, part):
        lines = lines_of(block)
        size = len(lines.objects)
        if lines.longest <= MAX_LINE_BYTES and _is_json(block, size):
            yield _rows(lines, names, np.arange(row, row + size))
        else:
            yield from _line_by_line([line for line in block.split(b"\n") if line.strip()], names, row)
        row += size


def cut_json_lines(path: str, split_bytes: int) -> list[ByteRange]:
    """Return the parts of a file, each of about `split_bytes`, cut at line ends. Reads it once, to number the lines."""
    parts: list[ByteRange] = []
    begin = row = first = 0
    for block, position in _whole_lines(path, ByteRange()):
        row += len(lines_of(block).objects)
        if position - begin >= split_bytes:
            parts.append(ByteRange(begin, position, first))
            begin, first = position, row
    if row > first or not parts:
        parts.append(ByteRange(begin, 0, first))
    return parts


def _whole_lines(path: str, part: ByteRange) -> Iterator[tuple[bytes, int]]:
    """Yield (some whole lines, position behind them); of a line above `MAX_LINE_BYTES` only the beginning is held."""
    position, rest, long_line = part.begin, b"", False
    for block in read_blocks(path, part):
        position += len(block)
        if long_line:
            _, newline, block = block.partition(b"\n")
            long_line = not newline
            if long_line:
                continue
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut], position - (len(block) - cut)
            rest = block[cut:]
        else:
            rest += block
        if len(rest) > MAX_LINE_BYTES:
            # The line is counted here; its tail is read over, up to the line end, and no part begins before that.
            yield rest[: MAX_LINE_BYTES + 1], part.begin
            rest, long_line = b"", True
    if rest:
        yield rest, position


def _rows(lines: JsonLines, names: Sequence[str], numbers: Any) -> Rows:
    columns = lines.columns(list(dict.fromkeys(names)))
    table = pa.Table.from_arrays([column.texts for column in columns.values()], names=list(columns))
    return Rows(table, numbers, {name: column.kinds for name, column in columns.items()})


def _is_json(block: bytes, num_lines: int) -> bool:
    """Tell whether every line of the block is UTF-8 and a JSON object, without half of a surrogate pair."""
    if not num_lines:
        return True
    options = pa_json.ReadOptions(use_threads=False, block_size=2 * (BLOCK_BYTES + MAX_LINE_BYTES))
    parse = pa_json.ParseOptions(explicit_schema=_NO_COLUMN, unexpected_field_behavior="ignore")
    try:
        block.decode()
        table = pa_json.read_json(cast(Any, pa.BufferReader(block)), read_options=options, parse_options=parse)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return False
    return len(table) == num_lines


def _line_by_line(lines: list[bytes], names: Sequence[str], first: int) -> Iterator[Rows | Broken]:
    good = [isinstance(_parsed(line), dict) for line in lines]
    yield from (Broken("row_malformed", first + n, line) for n, line in enumerate(lines) if not good[n])
    numbers = np.flatnonzero(good)
    rows = _rows(lines_of(b"\n".join(lines[n] for n in numbers)), names, first + numbers)
    fine = np.ones(len(numbers), dtype=bool)
    for column in rows.table.columns:
        fine &= is_utf8(column)
    for n in numbers[~fine]:
        yield Broken("caption_not_utf8", first + int(n), lines[n])
    yield rows.filtered(fine)


def _parsed(line: bytes) -> Any:
    """Return the value of a line, None when it is no JSON, too long or too deep. Bytes that are no UTF-8 are kept."""
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        return json.loads(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _type_of(values: list[Any]) -> pa.DataType:
    """Return the type of a column of `values`; text when they are of several kinds."""
    try:
        return pa.array(values).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return pa.string()
