"""Rows of JSON lines, streamed by blocks; only a block that is not plain is parsed line by line."""

import json
from collections.abc import Iterator
from typing import IO, Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from pipeline.sources.source import Broken, Rows, is_unicode

BLOCK_BYTES = 4 << 20
PEEK_BYTES = 1 << 18
MAX_LINE_BYTES = 8 << 20
"""A longer line is a rejection."""


def json_schema(path: str) -> pa.Schema:
    """Return the columns of the first lines, those of any of them, with their types (null: not told by them)."""
    with fsspec.open(path, "rb", compression="infer") as raw:
        values = [_parsed(line) for line in _read_lines(raw, PEEK_BYTES)]
    good = [value for value in values if isinstance(value, dict)]
    names = dict.fromkeys(name for value in good for name in value)
    return pa.schema([(name, _column([value.get(name) for value in good]).type) for name in names])


def read_json_lines(path: str, columns: list[str]) -> Iterator[Rows | Broken]:
    """Yield rows with (at least those that are there of) `columns`; numbers count the lines that are not blank."""
    row = 0
    with fsspec.open(path, "rb", compression="infer") as raw:
        while lines := _read_lines(raw, BLOCK_BYTES):
            lines = [line for line in lines if line.strip()]
            block = _plain_block(lines)
            if block is not None:
                yield Rows(block, np.arange(row, row + len(block)))
            else:
                yield from _line_by_line(lines, columns, row)
            row += len(lines)


def _read_lines(raw: IO[bytes], at_least: int) -> list[bytes]:
    """Return the next lines, about `at_least` bytes of them; a long line is cut above `MAX_LINE_BYTES`, never held."""
    lines: list[bytes] = []
    size = 0
    while size < at_least and (line := raw.readline(MAX_LINE_BYTES + 1)):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = raw.readline(MAX_LINE_BYTES + 1)  # the tail of the long line: read over
        lines.append(line)
        size += len(line)
    return lines


def _plain_block(lines: list[bytes]) -> pa.Table | None:
    """Return the block as pyarrow reads it, None when that cannot read it or not one row per line."""
    if not lines or any(len(line) > MAX_LINE_BYTES for line in lines):
        return None
    options = pa_json.ReadOptions(use_threads=False, block_size=2 * (BLOCK_BYTES + MAX_LINE_BYTES))
    try:
        block = pa_json.read_json(pa.BufferReader(b"".join(lines)), read_options=options)
    except pa.ArrowInvalid:
        return None
    return block if len(block) == len(lines) else None


def _line_by_line(lines: list[bytes], columns: list[str], first: int) -> Iterator[Rows | Broken]:
    good: list[dict[str, Any]] = []
    numbers: list[int] = []
    for position, line in enumerate(lines, first):
        value = _parsed(line)
        if not isinstance(value, dict):
            yield Broken("row_malformed", position, line)
        elif not _is_unicode(value, columns):
            yield Broken("caption_not_utf8", position, line)
        else:
            good.append(value)
            numbers.append(position)
    names = [name for name in columns if any(name in value for value in good)]
    arrays = [_column([value.get(name) for value in good]) for name in dict.fromkeys(names)]
    if good and arrays:
        yield Rows(pa.Table.from_arrays(arrays, names=list(dict.fromkeys(names))), np.array(numbers))
    else:
        yield from (Broken("row_malformed", position, None) for position in numbers)


def _parsed(line: bytes) -> Any:
    """Return the value of a line, None when it is no JSON, too long or too deep."""
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_unicode(value: dict[str, Any], columns: list[str]) -> bool:
    """Tell whether the texts of `columns` are Unicode: JSON can escape half of a surrogate pair."""
    return all(is_unicode(text) for name in columns if isinstance(text := value.get(name), str))


def _column(values: list[Any]) -> pa.Array:
    """Return the values as one column; values of several kinds, or no Unicode, are written out as JSON text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and is_unicode(value)):
        return value
    return json.dumps(value)
