"""Rows of a CSV or TSV, or of a part of it: path and byte range in; tables of text columns, and broken rows, out.

What a row and a cell are: `pipeline.sources.tables.csv_cells`. A row with the wrong number of cells is broken, the rest
is read. Rows are numbered from 0, the header and empty lines not counted.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.files.byte_ranges import read_blocks
from pipeline.sources.source import BROKEN_DATA, Broken, ByteRange, Dialect, Rows
from pipeline.sources.tables.csv_cells import ROWS_AT_ONCE, Cells, cell_column, find_cells
from schemas.kernels.byte_scan import PADDING
from schemas.rejection import MAX_VALUE_BYTES

_PADDING = bytes(PADDING)
_NOTHING = np.zeros(0, dtype=np.int32)


def read_csv(
    path: str, dialect: Dialect, names: Sequence[str], columns: Sequence[str], part: ByteRange
) -> Iterator[Rows | Broken]:
    """Yield the rows of `part` with those of `columns` that are among `names`, an empty cell null."""
    found = [name for name in dict.fromkeys(columns) if name in names]
    wanted = np.full(len(names), -1, dtype=np.int32)
    wanted[[list(names).index(name) for name in found]] = np.arange(len(found))
    first = part.first_row
    for data, cells, _ in _parsed(path, dialect, wanted, part):
        good = cells.widths == len(names)
        for row in np.flatnonzero(~good):
            begin, end = cells.row_bounds[row]
            yield Broken("row_malformed", first + int(row), data[begin : min(end, begin + MAX_VALUE_BYTES)].tobytes())
        arrays = [cell_column(data, cells, place, good) for place in range(len(found))]
        yield Rows(pa.Table.from_arrays(arrays, names=found), first + np.flatnonzero(good))
        first += cells.rows


def cut_csv(path: str, dialect: Dialect, begin: int, split_bytes: int) -> list[ByteRange]:
    """Return the parts of a file whose first row begins at `begin`: each of about `split_bytes`, cut where rows end.

    Reads the file once, because only its beginning tells which line ends are inside of quotes.
    """
    parts: list[ByteRange] = []
    row = first = 0
    for _, cells, position in _parsed(path, dialect, _NOTHING, ByteRange(begin)):
        row += cells.rows
        if position - begin >= split_bytes and not cells.skipping:
            parts.append(ByteRange(begin, position, first))
            begin, first = position, row
    if row > first or not parts:
        parts.append(ByteRange(begin, 0, first))
    return parts


def _parsed(
    path: str, dialect: Dialect, wanted: npt.NDArray[np.int32], part: ByteRange
) -> Iterator[tuple[npt.NDArray[np.uint8], Cells, int]]:
    """Yield (bytes, the rows in them, position in the file behind those rows)."""
    blocks = read_blocks(path, part)
    position, skipping, rest, block = part.begin, False, b"", next(blocks, b"")
    damage: Exception | None = None
    while block:
        try:
            following = next(blocks, b"")
        except BROKEN_DATA as error:  # told after the rows before it
            following, damage = b"", error
        data = np.frombuffer(b"".join((rest, block, _PADDING)), dtype=np.uint8)
        while True:
            cells = find_cells(data, not (following or damage), skipping, dialect, wanted)
            skipping = cells.skipping
            position += cells.resume
            yield data, cells, position
            data = data[cells.resume :]
            if cells.rows < ROWS_AT_ONCE:
                break
        rest, block = data[:-PADDING].tobytes(), following
    if damage is not None:
        raise damage
