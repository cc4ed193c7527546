"""Views of redirects moved to where they lead: (title, target) pairs and views in, views by article out.

All titles and targets of the redirects are entries of one table; each entry knows the entry it leads to, and chains
are walked once, whatever their length:

    entry   0 NYC   1 New York   2 New York City   3 Loop   4 Pool
    leads   1       2            -1                4        3
    end     2       2            2                 -2       -2
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from querygen.titles.title_table import capped_sum, title_buffers
from querygen.titles.view_title import REFUSED, SURE, canonical_title, slow_title, title_classes
from querygen.wiki.redirects import REDIRECTS
from schemas.kernels.bytes_map import BytesMap, find
from schemas.kernels.compiled import kernel, leaf

_NOWHERE, _LOOP, _UNKNOWN = -1, -2, -3


@kernel
def _canonical_rows(data, offsets, first, last, classes, out, out_offsets, slow):
    """Write the titles of rows ``[first, last)``; an empty one is no title. Return how many rows are in `slow`."""
    num_slow = 0
    o = 0
    out_offsets[0] = 0
    for row in range(first, last):
        verdict, size = canonical_title(data, offsets[row], offsets[row + 1], classes, out, o)
        if verdict == SURE:
            o += size
        elif verdict != REFUSED:
            slow[num_slow] = row
            num_slow += 1
        out_offsets[row - first + 1] = o
    return num_slow


@kernel
def _follow(leads, end):
    """Fill `end` with the last entry of each chain, `_LOOP` where there is none. Linear: no entry is walked twice."""
    walking = -10
    for entry in range(len(leads)):
        last = entry
        while end[last] == _UNKNOWN and leads[last] != _NOWHERE:
            end[last] = walking
            last = leads[last]
        if end[last] == walking:
            goal = np.int64(_LOOP)
        elif end[last] == _UNKNOWN:
            goal = np.int64(last)
            end[last] = last
        else:
            goal = np.int64(end[last])
        last = entry
        while end[last] == walking:
            end[last] = goal
            last = leads[last]


@leaf
def _move_views(data, offsets, views, end, strings, sums, alone, moved):
    for row in range(len(views)):
        entry, _, _ = find(data, offsets[row], offsets[row + 1], strings)
        alone[row] = entry < 0
        if entry < 0:
            continue
        goal = end[entry]
        if goal != entry:
            place = 2 if goal == _LOOP else 0
            moved[place] += 1
            moved[place + 1] = capped_sum(moved[place + 1], views[row])
        if goal >= 0:
            sums[goal] = capped_sum(sums[goal], views[row])


class Redirects:
    """The redirects of a wiki; of several for one title the first counts. About 105 bytes each."""

    def __init__(self, table: pa.Table) -> None:
        self._titles = BytesMap()
        leads = np.full(0, _NOWHERE, dtype=np.int64)
        for batch in table.select(REDIRECTS.names).to_batches(max_chunksize=1 << 16):
            sources, targets = self._entries(batch.column(0)), self._entries(batch.column(1))
            grown = np.full(len(self._titles), _NOWHERE, dtype=np.int64)
            grown[: len(leads)] = leads
            leads = grown
            known = (sources >= 0) & (targets >= 0)
            sources, targets = sources[known][::-1], targets[known][::-1]  # of equal places the last one written stays
            free = leads[sources] == _NOWHERE
            leads[sources[free]] = targets[free]
        self._end = np.full(len(leads), _UNKNOWN, dtype=np.int64)
        _follow(leads, self._end)

    def _entries(self, titles: pa.Array) -> npt.NDArray[np.int64]:
        data, offsets = title_buffers(titles.fill_null(""))
        size = len(offsets) - 1
        out = np.empty(int(offsets[-1] - offsets[0]) + 1 if size else 1, dtype=np.uint8)
        out_offsets, slow = np.empty(size + 1, dtype=np.int64), np.empty(size, dtype=np.int64)
        num_slow = _canonical_rows(data, offsets, 0, size, title_classes(), out, out_offsets, slow)
        found = np.full(size, -1, dtype=np.int64)
        full = out_offsets[1:] > out_offsets[:-1]
        found[full] = self._titles.enter_many(out, out_offsets[:-1][full], out_offsets[1:][full])
        for row in slow[:num_slow]:
            title = slow_title(data[offsets[row] : offsets[row + 1]].tobytes())
            found[row] = -1 if title is None else self._titles.enter_one(title)
        return found

    def move(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], views: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.bool_], pa.Array, pa.Array, dict[str, tuple[int, int]]]:
        """Return (rows that no redirect touches, targets, their views, (titles, views) by what happened).

        Targets include the rows that a redirect leads to. Views of a loop count for nothing.
        """
        sums = np.zeros(len(self._titles), dtype=np.int64)
        alone, moved = np.empty(len(views), dtype=np.bool_), np.zeros(4, dtype=np.int64)
        _move_views(data, offsets, views, self._end, self._titles.arrays, sums, alone, moved)
        seen = np.flatnonzero(sums)
        titles = self._titles.to_arrow().take(pa.array(seen))
        tally = {"redirected": (int(moved[0]), int(moved[1])), "redirect_loop": (int(moved[2]), int(moved[3]))}
        return alone, titles, pa.array(sums[seen]), tally
