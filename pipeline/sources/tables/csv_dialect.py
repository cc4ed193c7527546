"""How a CSV or TSV is written: its beginning in; columns, where the data begins, and the dialect, out.

What stands in its first `PEEK_BYTES` decides for the whole file, so that rows do not depend on how it is cut:

- blanks at the beginning of cells do not count where the first row has them: ``url, caption``;
- backslashes escape quotes (Spark writes ``"5\\" disk"``) where the rows come out better so: fewer of another width,
  fewer quotes in the middle of cells. ``--csv-escape`` says it otherwise.
"""

import csv
import io
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.files.byte_ranges import read_blocks
from pipeline.sources.source import BROKEN_DATA, Dialect
from pipeline.sources.tables.csv_cells import cell_column, find_cells
from schemas.kernels.byte_scan import PADDING

PEEK_BYTES = 1 << 20
MAX_COLUMNS = 4_096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINES_BYTES = 1 << 16
"""Looked at for line ends."""
_NOTHING = np.zeros(0, dtype=np.int32)

Escape = Literal["auto", "quote", "backslash"]


@dataclass(frozen=True)
class Beginning:
    """The beginning of a CSV or TSV."""

    cells: list[str]
    """Of the first row, white space around cut."""
    begin: int
    """Where the first row begins."""
    behind: int
    """Where the next one does."""
    dialect: Dialect


def read_beginning(path: str, delimiter: str, escape: Escape = "auto") -> Beginning:
    """Return how the file at `path` begins.

    Raises EOFError for a file without a row, UnicodeDecodeError when its first row is no UTF-8, pa.ArrowInvalid when
    that has no end, ValueError that names the file when its lines end in CR alone.
    """
    data, is_whole = _first_bytes(path, Dialect(delimiter))
    begin = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    if _ends_lines_in_cr(data[begin:], delimiter):
        raise ValueError(
            f"{path}: expected lines that end in LF or CR LF, found CR alone, as an old Mac writes them; "
            "convert it: tr '\\r' '\\n' < OLD > NEW"
        )
    view = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)[begin:]
    dialect = Dialect(delimiter, escape == "backslash")
    cells, resume = _first_row(view, is_whole, dialect)
    if delimiter == "," and any(cell.startswith(" ") for cell in cells[1:]):
        dialect = replace(dialect, skips_space=True)
        cells, resume = _first_row(view, is_whole, dialect)
    if escape == "auto" and delimiter == ",":
        escaped = replace(dialect, backslash=True)
        width = len(cells)
        if b'\\"' in data and _faults(view, escaped, width) < _faults(view, dialect, width):
            dialect = escaped
    return Beginning([cell.strip() for cell in cells], begin, begin + resume, dialect)


def _first_bytes(path: str, dialect: Dialect) -> tuple[bytes, bool]:
    """Return at least the first row, and `PEEK_BYTES` if the file has them; and whether that is all there is."""
    data = b""
    try:
        for block in read_blocks(path):
            data += block
            if len(data) >= PEEK_BYTES:
                view = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
                if find_cells(view, False, False, dialect, _NOTHING, max_rows=1).rows:
                    return data, False
    except BROKEN_DATA:
        if not data:
            raise
        return data, False
    return data, True


def _first_row(view: npt.NDArray[np.uint8], is_whole: bool, dialect: Dialect) -> tuple[list[str], int]:
    found = find_cells(view, is_whole, False, dialect, np.arange(MAX_COLUMNS, dtype=np.int32), max_rows=1)
    if not found.rows:
        raise EOFError("the file has no row")
    width = int(found.widths[0])
    if not 0 < width <= MAX_COLUMNS:
        raise pa.ArrowInvalid(f"expected a first row of 1 .. {MAX_COLUMNS} cells, found none with an end, or more")
    good = np.ones(1, dtype=bool)
    cells = [cell_column(view, found, column, good)[0].as_buffer() for column in range(width)]
    return [str(cell.to_pybytes(), "utf-8") if cell is not None else "" for cell in cells], found.resume


def _faults(view: npt.NDArray[np.uint8], dialect: Dialect, width: int) -> int:
    """Return how many of the first rows are not `width` cells wide, and how many quotes close a cell too early."""
    found = find_cells(view, False, False, dialect, _NOTHING)
    return int((found.widths != width).sum()) + found.strays


def _ends_lines_in_cr(data: bytes, delimiter: str) -> bool:
    """Tell whether the first two rows are rows only if CR alone ends a line."""
    if b"\r" not in data[:_LINES_BYTES]:
        return False
    text = data[:_LINES_BYTES].decode("utf-8", "replace")
    lines = io.StringIO(text, newline="").readlines()  # at CR, LF and CR LF
    rows = csv.reader(lines, delimiter=delimiter)
    try:
        first = next(rows)
        ends_in_cr = lines[rows.line_num - 1].endswith("\r")
        return ends_in_cr and len(first) > 1 and len(next(rows)) == len(first)
    except (csv.Error, StopIteration):
        return False
