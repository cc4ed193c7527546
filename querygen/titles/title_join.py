"""Join titles by normal form: rows of titles with views in, the table of titles that reach a floor out.

With a floor, views are first added up in buckets by the hash of the normal form; a bucket has at least the views of
each of its forms, so a form whose bucket stays under the floor never enters the table. The result is exact.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from querygen.titles.title_form import normal_forms
from querygen.titles.title_table import TitleTable
from schemas.arrow_types import buffer_of
from schemas.kernels.byte_copy import gathered
from schemas.kernels.bytes_map import hash_bytes
from schemas.kernels.compiled import kernel
from schemas.query import TITLE_COUNTS
from schemas.rejection import Rejection

_CHUNK_ROWS = 1 << 16
_MAX_BUCKETS = 1 << 26
_BUCKET_MAX = np.iinfo(np.uint32).max

Notes = Counter[tuple[str, str]]
"""Numbers by (reason, ``titles`` or ``views``)."""


@dataclass(frozen=True)
class Rows:
    """Titles as bytes and offsets, with their views."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    views: npt.NDArray[np.int64]


def total(views: npt.NDArray[np.int64]) -> int:
    """Return the exact sum, which may be more than 64 bits hold."""
    return (int((views >> 32).sum()) << 32) + int((views & 0xFFFFFFFF).sum())


def note(tally: Notes, reason: str, titles: int, views: int) -> None:
    """Add `titles` and `views` to those of `reason`."""
    tally[reason, "titles"] += titles
    tally[reason, "views"] += views


@kernel
def _fill_buckets(forms, offsets, counts, key, buckets):
    mask = np.uint64(len(buckets) - 1)
    for row in range(len(counts)):
        place = hash_bytes(forms, offsets[row], offsets[row + 1], key) & mask
        buckets[place] = min(np.int64(buckets[place]) + counts[row], np.int64(_BUCKET_MAX))


@kernel
def _may_reach(forms, offsets, key, buckets, floor):
    """Tell which forms' buckets reach `floor`: all forms that do, and some that share a bucket with one."""
    mask = np.uint64(len(buckets) - 1)
    found = np.empty(len(offsets) - 1, dtype=np.bool_)
    for row in range(len(found)):
        found[row] = np.int64(buckets[hash_bytes(forms, offsets[row], offsets[row + 1], key) & mask]) >= floor
    return found


@kernel
def _less(data, begin, end, other, other_begin, other_end):
    for k in range(min(end - begin, other_end - other_begin)):
        if data[begin + k] != other[other_begin + k]:
            return data[begin + k] < other[other_begin + k]
    return end - begin < other_end - other_begin


@kernel
def _keep_best(data, offsets, rows, views, entries, best, best_views, other, other_offsets, base):
    """Keep in `best` the most viewed row of each entry. Rows of the second part carry `base`, the size of the first."""
    for k in range(len(rows)):
        entry = entries[k]
        row = rows[k]
        better = best[entry] < 0 or views[row] > best_views[entry]
        if not better and views[row] == best_views[entry]:
            held = best[entry]
            if held >= base:
                better = _less(
                    data, offsets[row], offsets[row + 1], data, offsets[held - base], offsets[held - base + 1]
                )
            else:
                better = _less(
                    data, offsets[row], offsets[row + 1], other, other_offsets[held], other_offsets[held + 1]
                )
        if better:
            best[entry] = row + base
            best_views[entry] = views[row]


def join(rows: list[tuple[Rows, npt.NDArray[np.int64]]], floor: int, tally: Notes) -> tuple[pa.Table, list[Rejection]]:
    """Join the chosen rows by normal form. With a floor, forms that cannot reach it never enter the table.

    A first pass adds the views up in buckets by hash; a form's bucket has at least the views of the form.
    """
    joined = TitleTable()
    num_rows = sum(len(chosen) for _, chosen in rows)
    buckets: npt.NDArray[np.uint32] | None = None
    if floor > 1:
        buckets = np.zeros(min(_MAX_BUCKETS, 1 << max(10, (num_rows - 1).bit_length())), dtype=np.uint32)
        for part, chosen in rows:
            for some in _chunks(chosen):
                _fill_buckets(
                    *normal_forms(part.data, part.offsets[some], part.offsets[some + 1]),
                    part.views[some],
                    joined.arrays.strings.key,
                    buckets,
                )
    best = np.full(0, -1, dtype=np.int64)
    best_views = np.zeros(0, dtype=np.int64)
    wordless: list[str] = []
    first_part, base = rows[0][0], 0
    for part, chosen in rows:
        for some in _chunks(chosen):
            forms, offsets = normal_forms(part.data, part.offsets[some], part.offsets[some + 1])
            views = part.views[some]
            empty = np.diff(offsets) == 0
            for row in some[empty & (views >= floor)]:
                wordless.append(
                    part.data[part.offsets[row] : part.offsets[row + 1]].tobytes().decode("utf-8", "replace")
                )
            note(tally, "without_word", int(empty.sum()), total(views[empty]))
            take = ~empty
            if buckets is not None:
                take &= _may_reach(forms, offsets, joined.arrays.strings.key, buckets, min(floor, int(_BUCKET_MAX)))
                note(tally, "below_floor", int((~take & ~empty).sum()), total(views[~take & ~empty]))
            some, views = some[take], views[take]
            entries = joined.add_rows(forms, offsets[:-1][take], offsets[1:][take], views)
            if len(joined) > len(best):
                room = len(joined) + len(best) // 2
                best = np.concatenate([best, np.full(room - len(best), -1, dtype=np.int64)])
                best_views = np.concatenate([best_views, np.zeros(room - len(best_views), dtype=np.int64)])
            _keep_best(
                part.data, part.offsets, some, part.views, entries, best, best_views,
                first_part.data, first_part.offsets, base,
            )  # fmt: skip
        base += len(part.views)
    return _title_table(rows, joined, best, floor, tally), [
        Rejection("title_without_word", "pageviews", -1, title) for title in sorted(wordless)
    ]


def _chunks(rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return [rows[first : first + _CHUNK_ROWS] for first in range(0, len(rows), _CHUNK_ROWS)]


def _take(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> pa.Array:
    taken, out = gathered(data, offsets[rows], offsets[rows + 1])
    return pa.Array.from_buffers(pa.large_string(), len(rows), [None, buffer_of(taken), buffer_of(out)])


def _title_table(
    rows: list[tuple[Rows, npt.NDArray[np.int64]]], joined: TitleTable, best: npt.NDArray[np.int64], floor: int,
    tally: Notes,
) -> pa.Table:  # fmt: skip
    """Return the joined titles of at least `floor` views, in order."""
    sums = joined.sums
    # 0 views: a title that nobody opened is none of the viewed ones, whatever the floor
    kept = np.flatnonzero(sums >= max(floor, 1))
    note(tally, "below_floor", len(sums) - len(kept), total(sums) - total(sums[kept]))
    note(tally, "kept", len(kept), total(sums[kept]))
    strings = joined.arrays.strings
    texts = _take(strings.arena, strings.starts, kept)
    parts = rows[0][0], rows[-1][0]
    size = len(parts[0].views)
    first = best[kept] < size
    surfaces = pa.concat_arrays([
        _take(parts[0].data, parts[0].offsets, best[kept][first]),
        _take(parts[1].data, parts[1].offsets, best[kept][~first] - size),
    ])  # fmt: skip
    place = np.empty(len(kept), dtype=np.int64)
    place[np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)])] = np.arange(len(kept))
    table = pa.Table.from_arrays(
        [texts, surfaces.take(pa.array(place)), pa.array(sums[kept])],
        names=TITLE_COUNTS.names,
    )
    return table.sort_by([("views", "descending"), ("text", "ascending")]).cast(TITLE_COUNTS)
