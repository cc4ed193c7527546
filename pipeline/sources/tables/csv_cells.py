"""Cells of CSV and TSV found in bytes by one compiled pass: bytes in; where rows and wanted cells lie, out.

CSV (RFC 4180, as pyarrow and Python's csv read it): a cell that begins with a quote runs to its closing quote, over
line ends; a doubled quote inside is one quote. TSV: a line end always ends the row; a cell is quoted only when it
begins with a quote and that is closed right before a tab or the line end, every quote between doubled; else quotes
are plain text, as the public TSV tables have them. ``\\n`` and ``\\r\\n`` end lines; empty lines are no rows.

Where a file escapes by backslashes (`pipeline.sources.tables.csv_dialect`) ``\\"`` in a quoted cell is a quote and
``\\\\`` a backslash, as Spark writes and reads them. Where it does not, a quote behind a backslash that closes no cell
(text follows it) makes the row malformed: the cell is one of Spark's, and its text would be another.

Damage stays local, and what is read does not depend on how the bytes are cut into blocks:

- a quoted cell longer than `MAX_CELL_BYTES`, or never closed: the row is malformed, and ends with the line in which
  that cell begins;
- a row longer than `MAX_ROW_BYTES`: malformed, and ends with the line in which it passes that length.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.source import MAX_CELL_BYTES, Dialect
from schemas.arrow_types import buffer_of
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import PADDING, find_either
from schemas.kernels.compiled import spliced, unlocked

MAX_ROW_BYTES = 8 << 20
ROWS_AT_ONCE = 1 << 15

_NEWLINE, _RETURN, _SPACE, _QUOTE, _BACKSLASH = 10, 13, 32, 34, 92
_WHOLE, _MORE, _NEVER_CLOSED, _TOO_LONG = range(4)


class _Rules(NamedTuple):
    """What a row may look like; characters are bytes."""

    delimiter: int
    tabs: bool
    """TSV."""
    backslash: bool
    """Backslashes escape."""
    skips_space: bool
    """Spaces before a cell are left out."""
    max_cell: int
    max_row: int


class _Found(NamedTuple):
    """What is filled in, a place per row; see `Cells`."""

    widths: npt.NDArray[np.int32]
    row_bounds: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    quoted: npt.NDArray[np.bool_]


@dataclass
class Cells:
    """The rows of a block, with the bytes of each wanted cell."""

    rows: int
    resume: int
    """Where the next row begins (or where more bytes are needed)."""
    skipping: bool
    """The last row is malformed and has not ended: the bytes up to the next line end belong to it."""
    widths: npt.NDArray[np.int32]
    """The number of cells of each row; -1 for a row without end or with a cell without end."""
    row_bounds: npt.NDArray[np.int64]
    """Shape ``[rows, 2]``: the bytes of each row, line end left out."""
    bounds: npt.NDArray[np.int64]
    """Shape ``[columns, rows, 2]``: begin and end of each cell, quotes included."""
    quoted: npt.NDArray[np.bool_]
    """Shape ``[columns, rows]``."""
    strays: int
    """Quotes that close a cell before its end; some twice, where a row is read again with more bytes."""
    backslash: bool
    """Whether backslashes escape."""


def find_cells(
    data: npt.NDArray[np.uint8], last: bool, skipping: bool, dialect: Dialect, wanted: npt.NDArray[np.int32],
    max_rows: int = ROWS_AT_ONCE,
) -> Cells:  # fmt: skip
    """Return the whole rows at the beginning of `data` (its last `PADDING` bytes count not), at most `max_rows`.

    `last`: nothing follows `data`. `wanted` gives the place of each column in the result, -1 for those not wanted.
    """
    columns = int(wanted.max(initial=-1)) + 1
    found = _Found(
        widths=np.empty(max_rows, dtype=np.int32),
        row_bounds=np.empty((max_rows, 2), dtype=np.int64),
        bounds=np.zeros((columns, max_rows, 2), dtype=np.int64),
        quoted=np.zeros((columns, max_rows), dtype=bool),
    )
    rules = _Rules(
        delimiter=ord(dialect.delimiter),
        tabs=dialect.delimiter == "\t",
        backslash=dialect.backslash,
        skips_space=dialect.skips_space,
        max_cell=MAX_CELL_BYTES,
        max_row=MAX_ROW_BYTES,
    )
    rows, resume, skips, strays = _find(data, len(data) - PADDING, last, skipping, rules, wanted, found)
    return Cells(
        rows, resume, skips, found.widths[:rows], found.row_bounds[:rows], found.bounds[:, :rows],
        found.quoted[:, :rows], strays, dialect.backslash,
    )  # fmt: skip


def cell_column(data: npt.NDArray[np.uint8], cells: Cells, column: int, good: npt.NDArray[np.bool_]) -> pa.Array:
    """Return the `good` rows' cells of `column` as text (not checked for UTF-8), quotes undone; empty is null."""
    bounds, quoted = cells.bounds[column][good], cells.quoted[column][good]
    out = np.empty(int((bounds[:, 1] - bounds[:, 0]).sum()), dtype=np.uint8)
    offsets = np.empty(len(bounds) + 1, dtype=np.int32)
    size = _unquote(data, bounds, quoted, cells.backslash, out, offsets)
    filled = np.packbits(np.diff(offsets) > 0, bitorder="little")
    buffers: list[pa.Buffer | None] = [buffer_of(filled), buffer_of(offsets), buffer_of(out[:size])]
    return pa.Array.from_buffers(pa.string(), len(bounds), buffers)


@unlocked
def _find(data, end, last, skipping, rules, wanted, found):
    """Fill in the rows that begin before `end`; return (rows, where to go on, whether in a malformed row, strays)."""
    delimiter, tabs, backslash, skips_space, max_cell, max_row = rules
    widths, row_bounds, bounds, quoted = found
    i = np.int64(0)
    strays = 0
    if skipping:
        i = find_either(data, i, end, _NEWLINE, _NEWLINE)
        if i == end:
            return 0, end, not last, strays
    rows = 0
    while i < end and rows < len(widths):
        if data[i] == _NEWLINE:
            i += 1
            continue
        if data[i] == _RETURN:
            if i + 1 == end and not last:
                break
            if i + 1 == end or data[i + 1] == _NEWLINE:
                i += 1
                continue
        start = i
        column = 0
        outcome = _WHOLE
        cell = i
        is_foreign = False
        while True:
            while skips_space and i < end and data[i] == _SPACE:
                i += 1
            cell = i
            is_quoted = False
            if i < end and data[i] == _QUOTE:
                if tabs:
                    outcome, i, is_quoted = _tab_quoted(data, i, end, last, delimiter, backslash)
                else:
                    outcome, i = _quoted(data, i, end, last, min(cell + max_cell, start + max_row), backslash)
                    is_quoted = True
                    if outcome == _TOO_LONG and i > cell + max_cell:
                        outcome = _NEVER_CLOSED
                    if outcome == _WHOLE and i < end and data[i] not in (delimiter, _NEWLINE, _RETURN):
                        strays += 1
                        if not backslash and data[i - 2] == _BACKSLASH:
                            is_foreign = True
                if outcome != _WHOLE:
                    break
            i = find_either(data, i, end, delimiter, _NEWLINE)
            if i - start > max_row:
                outcome = _TOO_LONG
                break
            if i == end and not last:
                outcome = _MORE
                break
            ends_row = i == end or data[i] == _NEWLINE
            if column < len(wanted) and wanted[column] >= 0:
                place = wanted[column]
                bounds[place, rows, 0] = cell
                bounds[place, rows, 1] = i - 1 if ends_row and i > cell and data[i - 1] == _RETURN else i
                quoted[place, rows] = is_quoted
            column += 1
            if ends_row:
                break
            i += 1
        if outcome == _MORE:
            if end - start <= max_row:
                i = start
                break
            outcome = _TOO_LONG
        if outcome == _NEVER_CLOSED:
            i = find_either(data, cell, end, _NEWLINE, _NEWLINE)
        elif outcome == _TOO_LONG:
            i = find_either(data, start + max_row, end, _NEWLINE, _NEWLINE)
        widths[rows] = column if outcome == _WHOLE and not is_foreign else -1
        row_bounds[rows, 0] = start
        row_bounds[rows, 1] = i - 1 if i > start and i < end and data[i - 1] == _RETURN else i
        rows += 1
        if i == end and outcome != _WHOLE and not last:
            return rows, end, True, strays
        i += 1
    return rows, min(i, end), False, strays


@spliced
def _is_escaped(data, begin, i):
    """Tell whether an odd number of backslashes stands before `i`, behind `begin`."""
    first = i
    while first - 1 > begin and data[first - 1] == _BACKSLASH:
        first -= 1
    return (i - first) & 1 == 1


@spliced
def _quoted(data, begin, end, last, limit, backslash):
    """Return (outcome, position behind the closing quote)."""
    stop = min(end, limit + 1)
    i = begin + 1
    while True:
        i = find_either(data, i, stop, _QUOTE, _QUOTE)
        if i >= stop:
            break
        if backslash and _is_escaped(data, begin, i):
            i += 1
            continue
        if i + 1 == end:
            return (_WHOLE, i + 1) if last else (_MORE, i)
        if data[i + 1] != _QUOTE:
            return _WHOLE, i + 1
        i += 2
    if stop < end:
        return _TOO_LONG, stop
    return (_NEVER_CLOSED if last else _MORE), end


@spliced
def _tab_quoted(data, begin, end, last, delimiter, backslash):
    """Return (outcome, position behind the closing quote, True), or (outcome, `begin`, False) for a plain cell."""
    i = begin + 1
    while True:
        i = find_either(data, i, end, _QUOTE, _NEWLINE)
        if i >= end or data[i] == _NEWLINE:
            break
        if backslash and _is_escaped(data, begin, i):
            i += 1
            continue
        if i + 1 < end and data[i + 1] == _QUOTE:
            i += 2
            continue
        if not last and (i + 1 >= end or (data[i + 1] == _RETURN and i + 2 >= end)):
            return _MORE, begin, False
        if (
            i + 1 >= end
            or data[i + 1] == delimiter
            or data[i + 1] == _NEWLINE
            or (data[i + 1] == _RETURN and (i + 2 >= end or data[i + 2] == _NEWLINE))
        ):
            return _WHOLE, i + 1, True
        return _WHOLE, begin, False
    if i >= end and not last:
        return _MORE, begin, False
    return _WHOLE, begin, False


@unlocked
def _unquote(data, bounds, quoted, backslash, out, offsets):
    """Write the cells one behind the other, quotes and escapes undone; return the end."""
    escape = _BACKSLASH if backslash else _QUOTE
    size = 0
    for row in range(len(bounds)):
        offsets[row] = size
        i, end = bounds[row, 0], bounds[row, 1]
        i += quoted[row]
        while quoted[row] and i < end:
            stop = find_either(data, i, end, _QUOTE, escape)
            if backslash and stop < end and data[stop] == _BACKSLASH:
                escapes = stop + 1 < end and (data[stop + 1] == _QUOTE or data[stop + 1] == _BACKSLASH)
                size = copy_bytes(data, i, stop, out, size)
                out[size] = data[stop + escapes]
                size += 1
                i = stop + 1 + escapes
                continue
            doubled = stop + 1 < end and data[stop + 1] == _QUOTE
            size = copy_bytes(data, i, stop + doubled, out, size)
            i = stop + 1 + doubled
            if not doubled:
                break
        if i < end:  # what follows a closing quote is kept as it stands
            size = copy_bytes(data, i, end, out, size)
    offsets[len(bounds)] = size
    return size
