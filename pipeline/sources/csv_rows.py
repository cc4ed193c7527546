"""Rows of a CSV or TSV, or of a part of it: path and byte range in; tables of text columns, and broken rows, out.

What a row and a cell are: `pipeline.sources.csv_cells`. A row with the wrong number of cells is broken, the rest is
read. Rows are numbered from 0, the header and empty lines not counted.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.byte_ranges import read_blocks
from pipeline.sources.byte_scan import PADDING
from pipeline.sources.csv_cells import ROWS_AT_ONCE, Cells, cell_column, find_cells
from pipeline.sources.source import BROKEN_DATA, Broken, ByteRange, Rows
from schemas.rejection import MAX_VALUE_BYTES

MAX_COLUMNS = 4_096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PADDING = bytes(PADDING)
_NOTHING = np.zeros(0, dtype=np.int32)


def first_row(path: str, delimiter: str) -> tuple[list[str], int, int]:
    """Return the cells of the first row, and the positions where it begins and where the next one does.

    Raises EOFError for a file without a row, UnicodeDecodeError when it is no UTF-8, pa.ArrowInvalid when it has no
    end.
    """
    begin, data, blocks = 0, b"", read_blocks(path)
    while True:
        block = next(blocks, b"")
        data += block
        if data.startswith(_BYTE_ORDER_MARK):
            begin = len(_BYTE_ORDER_MARK)
        view = np.frombuffer(data + _PADDING, dtype=np.uint8)[begin:]
        cells = find_cells(view, not block, False, delimiter, np.arange(MAX_COLUMNS, dtype=np.int32), max_rows=1)
        if cells.rows:
            break
        if not block:
            raise EOFError("the file is empty")
    width = int(cells.widths[0])
    if not 0 < width <= MAX_COLUMNS:
        raise pa.ArrowInvalid(f"expected a first row of 1 .. {MAX_COLUMNS} cells, found none with an end, or more")
    good = np.ones(1, dtype=bool)
    found = [cell_column(view, cells, column, good)[0].as_buffer() for column in range(width)]
    names = [str(cell.to_pybytes(), "utf-8") if cell is not None else "" for cell in found]
    return names, begin, begin + cells.resume


def read_csv(
    path: str, delimiter: str, names: Sequence[str], columns: Sequence[str], part: ByteRange
) -> Iterator[Rows | Broken]:
    """Yield the rows of `part` with those of `columns` that are among `names`, an empty cell null."""
    found = [name for name in dict.fromkeys(columns) if name in names]
    wanted = np.full(len(names), -1, dtype=np.int32)
    wanted[[list(names).index(name) for name in found]] = np.arange(len(found))
    first = part.first_row
    for data, cells, _ in _parsed(path, delimiter, wanted, part):
        good = cells.widths == len(names)
        for row in np.flatnonzero(~good):
            begin, end = cells.row_bounds[row]
            yield Broken("row_malformed", first + int(row), data[begin : min(end, begin + MAX_VALUE_BYTES)].tobytes())
        arrays = [cell_column(data, cells, place, good) for place in range(len(found))]
        yield Rows(pa.Table.from_arrays(arrays, names=found), first + np.flatnonzero(good))
        first += cells.rows


def cut_csv(path: str, delimiter: str, begin: int, split_bytes: int) -> list[ByteRange]:
    """Return the parts of a file whose first row begins at `begin`: each of about `split_bytes`, cut where rows end.

    Reads the file once, because only its beginning tells which line ends are inside of quotes.
    """
    parts: list[ByteRange] = []
    row = first = 0
    for _, cells, position in _parsed(path, delimiter, _NOTHING, ByteRange(begin)):
        row += cells.rows
        if position - begin >= split_bytes and not cells.skipping:
            parts.append(ByteRange(begin, position, first))
            begin, first = position, row
    if row > first or not parts:
        parts.append(ByteRange(begin, 0, first))
    return parts


def _parsed(
    path: str, delimiter: str, wanted: npt.NDArray[np.int32], part: ByteRange
) -> Iterator[tuple[npt.NDArray[np.uint8], Cells, int]]:
    """Yield (bytes, the rows in them, position in the file behind those rows)."""
    blocks = read_blocks(path, part.begin, part.end)
    position, skipping, rest, block = part.begin, False, b"", next(blocks, b"")
    damage: Exception | None = None
    while block:
        try:
            following = next(blocks, b"")
        except BROKEN_DATA as error:  # told after the rows before it
            following, damage = b"", error
        data = np.frombuffer(b"".join((rest, block, _PADDING)), dtype=np.uint8)
        while True:
            cells = find_cells(data, not (following or damage), skipping, delimiter, wanted)
            skipping = cells.skipping
            position += cells.resume
            yield data, cells, position
            data = data[cells.resume :]
            if cells.rows < ROWS_AT_ONCE:
                break
        rest, block = data[:-PADDING].tobytes(), following
    if damage is not None:
        raise damage
