"""Exact sums by byte string: (bytes, views) in, distinct strings with their sums out.

The strings are entries of a `schemas.kernels.bytes_map`, the sums lie beside it in the order of their first coming.
They stop at `MAX_SUM` and never wrap. Memory: that of the map, and 8 bytes per entry.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import buffers_of
from schemas.kernels.bytes_map import ENTRIES, BytesMap, MapArrays, enter, guess, longer
from schemas.kernels.compiled import leaf, spliced
from schemas.kernels.lanes import prefetch

MAX_SUM = 1 << 62

BATCH_ROWS = 128
"""Rows whose memory is asked for together: more than a core can wait for at once, few enough to stay in its cache."""

_CHUNK_ROWS = 1 << 14


class SumArrays(NamedTuple):
    """What the kernels work on; `TitleTable.reserve` replaces it."""

    strings: MapArrays
    views: npt.NDArray[np.int64]


@spliced
def capped_sum(left, right):
    """Return the sum of two numbers from 0 to `MAX_SUM`, `MAX_SUM` at most."""
    return left + right if left <= MAX_SUM - right else MAX_SUM


@leaf
def add(data, begin, end, count, table):
    """Add `count` to the sum of ``data[begin:end]`` and return its entry; `TitleTable.reserve` made room for it."""
    num_known = table.strings.used[ENTRIES]
    entry = enter(data, begin, end, table.strings)
    table.views[entry] = capped_sum(table.views[entry], count) if entry < num_known else count
    return entry


@leaf
def add_batch(data, offsets, counts, first, last, table):
    """Add rows ``[first, last)``. Asks for the memory they need beforehand, so that the waits for it overlap."""
    strings = table.strings
    for row in range(first, last):
        entry = guess(data, offsets[row], offsets[row + 1], strings)
        if entry >= 0:
            prefetch(strings.arena, strings.starts[entry])
            prefetch(table.views, entry)
    for row in range(first, last):
        add(data, offsets[row], offsets[row + 1], counts[row], table)


@leaf
def _add_many(data, offsets, counts, first, last, table):
    for begin in range(first, last, BATCH_ROWS):
        add_batch(data, offsets, counts, begin, min(begin + BATCH_ROWS, last), table)


@leaf
def _add_rows(data, begins, ends, counts, entries, table):
    for row in range(len(begins)):
        entries[row] = add(data, begins[row], ends[row], counts[row], table)


class TitleTable:
    """Sums by byte string. Kernels that add themselves call `reserve` and hand on `arrays`."""

    def __init__(self) -> None:
        self._strings = BytesMap()
        self._views = np.empty(self._strings.room, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._strings)

    @property
    def arrays(self) -> SumArrays:
        """What the kernels take."""
        return SumArrays(self._strings.arrays, self._views)

    @property
    def sums(self) -> npt.NDArray[np.int64]:
        """The sums, by entry."""
        return self._views[: len(self)]

    def reserve(self, num_titles: int, num_bytes: int) -> None:
        """Make room for so many more strings of so many bytes in all."""
        self._strings.reserve(num_titles, num_bytes)
        if self._strings.room > len(self._views):
            self._views = longer(self._views, len(self), self._strings.room)

    def add_many(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], views: npt.NDArray[np.int64]
    ) -> None:
        """Add ``views[i]`` to the sum of ``data[offsets[i]:offsets[i + 1]]`` for all i."""
        for first in range(0, len(views), _CHUNK_ROWS):
            last = min(first + _CHUNK_ROWS, len(views))
            self.reserve(last - first, int(offsets[last] - offsets[first]))
            _add_many(data, offsets, views, first, last, self.arrays)

    def add_rows(
        self, data: npt.NDArray[np.uint8], begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64],
        views: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:  # fmt: skip
        """Add ``views[i]`` to the sum of ``data[begins[i]:ends[i]]`` for all i; return their entries."""
        self.reserve(len(begins), int((ends - begins).sum()))
        entries = np.empty(len(begins), dtype=np.int64)
        _add_rows(data, begins, ends, views, entries, self.arrays)
        return entries

    def add_one(self, title: bytes, views: int) -> int:
        """Add `views` to the sum of `title` and return its entry."""
        self.reserve(1, len(title))
        return int(add(np.frombuffer(title, dtype=np.uint8), 0, len(title), views, self.arrays))

    def to_arrow(self) -> tuple[pa.Array, pa.Array]:
        """Return (strings as large_binary, their sums as int64), in the order of first coming.

        They share the memory of the table, which is at its end: nothing may be added afterwards.
        """
        return self._strings.to_arrow(), pa.array(self.sums)


def title_buffers(titles: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (bytes, offsets) of a string or binary column without a null, not copied where it can be."""
    wide = titles.cast(pa.large_binary())
    if isinstance(wide, pa.ChunkedArray):
        wide = wide.combine_chunks()
    if len(wide) == 0:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    _, offsets, data = buffers_of(wide)
    bytes_ = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return bytes_, np.frombuffer(offsets, dtype=np.int64)[wide.offset : wide.offset + len(wide) + 1]
