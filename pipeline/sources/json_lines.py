"""Rows of JSON lines, or of a part of them: path and byte range in; tables of typed columns, and broken lines, out.

A block of lines is read by pyarrow; only a block that it cannot read is parsed line by line, with the same result
for every good line. Lines are numbered from 0, blank ones not counted.
"""

import json
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from pipeline.sources.byte_ranges import BLOCK_BYTES, read_blocks
from pipeline.sources.byte_scan import PADDING, find_either
from pipeline.sources.source import BROKEN_DATA, Broken, ByteRange, Rows, is_unicode

PEEK_BYTES = 1 << 18
MAX_LINE_BYTES = 8 << 20
"""A longer line is a rejection."""


def json_schema(path: str) -> pa.Schema:
    """Return the columns of the first lines, those of any of them, with their types (null: not told by them).

    Raises ValueError for one JSON document in place of lines, one of `BROKEN_DATA` when nothing can be read.
    """
    head = _first_lines(path)
    values = [_parsed(line) for line in head.split(b"\n")]
    good = [value for value in values if isinstance(value, dict)]
    if not good and head.lstrip()[:1] in (b"{", b"["):
        raise ValueError(
            f"{path}: expected JSON lines, an object per line; found a JSON document: make lines of it, for example by "
            "jq -c '.[]' (README.md has the commands for RedCaps and SBU)"
        )
    names = dict.fromkeys(name for value in good for name in value if is_unicode(name))
    return pa.schema([(name, _type_of([value.get(name) for value in good])) for name in names])


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


def read_json_lines(path: str, schema: pa.Schema, part: ByteRange) -> Iterator[Rows | Broken]:
    """Yield the rows of `part` with the columns of `schema`; a value that does not fit its column is null.

    In a text column every number and truth value is written out as it stands in JSON.
    """
    row = part.first_row
    for block, _ in _whole_lines(path, part):
        num_lines, longest = _lines_in(block)
        table = _plain_block(block, num_lines, schema) if longest <= MAX_LINE_BYTES else None
        if table is not None:
            yield Rows(table, np.arange(row, row + num_lines))
        else:
            yield from _line_by_line([line for line in block.split(b"\n") if line.strip()], schema, row)
        row += num_lines


def cut_json_lines(path: str, split_bytes: int) -> list[ByteRange]:
    """Return the parts of a file, each of about `split_bytes`, cut at line ends. Reads it once, to number the lines."""
    parts: list[ByteRange] = []
    begin = row = first = 0
    for block, position in _whole_lines(path, ByteRange()):
        row += _lines_in(block)[0]
        if position - begin >= split_bytes:
            parts.append(ByteRange(begin, position, first))
            begin, first = position, row
    if row > first or not parts:
        parts.append(ByteRange(begin, 0, first))
    return parts


def _whole_lines(path: str, part: ByteRange) -> Iterator[tuple[bytes, int]]:
    """Yield (some whole lines, position behind them); of a line above `MAX_LINE_BYTES` only the beginning is held."""
    position, rest, long_line = part.begin, b"", False
    for block in read_blocks(path, part.begin, part.end):
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


def _plain_block(block: bytes, num_lines: int, schema: pa.Schema) -> pa.Table | None:
    """Return the block as pyarrow reads it, None when that cannot read it, or not one row per line."""
    if not num_lines:
        return schema.empty_table()
    options = pa_json.ReadOptions(use_threads=False, block_size=2 * (BLOCK_BYTES + MAX_LINE_BYTES))
    parse = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        block.decode()
        table = pa_json.read_json(pa.BufferReader(block), read_options=options, parse_options=parse)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    return table.select(schema.names) if len(table) == num_lines else None


def _line_by_line(lines: list[bytes], schema: pa.Schema, first: int) -> Iterator[Rows | Broken]:
    good: list[dict[str, Any]] = []
    numbers: list[int] = []
    for position, line in enumerate(lines, first):
        value = _parsed(line)
        if not isinstance(value, dict):
            yield Broken("row_malformed", position, line)
        elif not all(is_unicode(text) for name in schema.names if isinstance(text := value.get(name), str)):
            yield Broken("caption_not_utf8", position, line)
        else:
            good.append(value)
            numbers.append(position)
    arrays = [pa.array([_as(value.get(field.name), field.type) for value in good], field.type) for field in schema]
    yield Rows(pa.Table.from_arrays(arrays, schema=schema), np.array(numbers, dtype=np.int64))


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


def _as(value: Any, wanted: pa.DataType) -> Any:
    """Return one value as its column takes it, None when that cannot be."""
    if pa.types.is_string(wanted):
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        return value if isinstance(value, str) else None
    if isinstance(value, float) and pa.types.is_integer(wanted):
        return int(value) if value.is_integer() and abs(value) < 2**63 else None  # Arrow would cut the fraction off
    try:
        pa.array([value], wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return None
    return value


def _lines_in(block: bytes) -> tuple[int, int]:
    """Return (lines that are not blank, bytes of the longest line)."""
    lines, longest = _count_lines(np.frombuffer(block + bytes(PADDING), dtype=np.uint8), len(block))
    return int(lines), int(longest)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _count_lines(data, end):  # type: ignore[no-untyped-def]
    lines = longest = 0
    begin = np.int64(0)
    while begin < end:
        stop = find_either(data, begin, end, 10, 10)
        i = begin
        while i < stop and (data[i] == 32 or 9 <= data[i] <= 13):
            i += 1
        lines += i < stop
        longest = max(longest, stop + 1 - begin)
        begin = stop + 1
    return lines, longest
