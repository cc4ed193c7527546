"""Sum the words of runs: many runs in, the words that reach a floor with their spellings out, exact.

Each run is sorted by (hash of the word, hash of the spelling), so runs are summed by merging, without a table of
strings; the strings of what remains are fetched at the end. That is done range by range of the hashes, by all
processes. Memory: of a range, 40 bytes per spelling of each run; of all words that reach the floor, the strings.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from querygen.counts.ngrams import release_counter
from querygen.counts.runs import NUM_RANGES, RunName, SurfaceReader
from schemas.arrow_types import buffers_of, values_of
from schemas.kernels.compiled import kernel
from schemas.query import WORD_COUNTS
from schemas.text import words

_UInt64s = npt.NDArray[np.uint64]
_Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words that reach the floor, and their spellings, by hash; spellings of one word are neighbours."""

    text: pa.LargeStringArray
    count: _Int64s
    best: _Int64s
    """Row of the word's most frequent spelling."""
    word: npt.NDArray[np.int32]
    """Of each spelling, the row of its word."""
    word_hash: _UInt64s
    surface_hash: _UInt64s
    """The two hashes of each spelling; sorted by them."""
    surface: pa.LargeStringArray

    def table(self, floor: int) -> pa.Table:
        """Return `WORD_COUNTS` of the words seen `floor` times, the most frequent first, then by text."""
        order = order_by_count(self.count, self.text)
        order = order[: int((self.count >= floor).sum())]
        return pa.table(
            {
                "text": self.text.take(pa.array(order)),
                "surface": self.surface.take(pa.array(self.best[order])),
                "count": pa.array(self.count[order]),
            }
        ).cast(WORD_COUNTS)


class Merge:
    """Sorted lists of some arrays each, merged pairwise while the last two are of a size: linear times log."""

    def __init__(self, merge: Callable[..., tuple[npt.NDArray[Any], ...]], kinds: tuple[type[np.generic], ...]) -> None:
        """`merge` takes the arrays of two lists; `kinds` are their types."""
        self._merge = merge
        self._kinds = kinds
        self._parts: list[tuple[npt.NDArray[Any], ...]] = []

    def add(self, *part: npt.NDArray[Any]) -> None:
        self._parts.append(part)
        while len(self._parts) > 1 and len(self._parts[-2][0]) <= 2 * len(self._parts[-1][0]):
            self._merge_last()

    def total(self) -> tuple[npt.NDArray[Any], ...]:
        while len(self._parts) > 1:
            self._merge_last()
        return self._parts.pop() if self._parts else tuple(np.empty(0, kind) for kind in self._kinds)

    def _merge_last(self) -> None:
        right, left = self._parts.pop(), self._parts.pop()
        self._parts.append(self._merge(*left, *right))


def merge_sums() -> Merge:
    """Return the merge of sorted (key, count) arrays, counts of equal keys summed."""
    return Merge(merge_sorted, (np.uint64, np.int64))


@dataclass(frozen=True, kw_only=True)
class WordRange:
    """What all runs hold of words with hashes in one range."""

    num_words: int
    """Running words."""
    num_distinct: int
    word_hash: _UInt64s
    surface_hash: _UInt64s
    surface: pa.LargeStringArray
    """The spellings of words that reach the floor, sorted by the two hashes."""
    num_spellings: _Int64s
    """Of each of these words; spellings of one word are neighbours."""
    text: pa.LargeStringArray
    count: _Int64s
    best: _Int64s
    """Row of the word's most frequent spelling in `surface`."""


def merge_words(
    runs: list[RunName], floor: int, pool: Executor | None, progress: Callable[[int], Any]
) -> tuple[Words, int, int]:
    """Return (the words seen `floor` times, running words, distinct words). `progress` is told `NUM_RANGES` steps."""
    arguments = [(runs, number, floor) for number in range(NUM_RANGES)]
    parts = []
    for part in map(merge_range, arguments) if pool is None else pool.map(merge_range, arguments, chunksize=2):
        parts.append(part)
        progress(1)
    return _join(parts), sum(part.num_words for part in parts), sum(part.num_distinct for part in parts)


def merge_range(arguments: tuple[list[RunName], int, int]) -> WordRange:
    """Return what the runs hold of the words of one range of hashes."""
    runs, number, floor = arguments
    release_counter()
    reader = SurfaceReader(number)
    merged = merge_sums()
    for run in runs:
        surfaces = reader.read(run)
        merged.add(*sum_equal(surfaces.word_hash, surfaces.count))
    hashes, totals = merged.total()
    kept = hashes[totals >= floor]
    num_words, num_distinct = int(totals.sum()), len(hashes)
    del merged, hashes, totals
    spellings = Merge(merge_spellings, (np.uint64, np.uint64, np.int64, np.uint64))
    for place, run in enumerate(runs):
        surfaces = reader.read(run)
        chosen = is_among(surfaces.word_hash, kept)
        places = (np.uint64(place) << np.uint64(32)) | np.flatnonzero(chosen).astype(np.uint64)
        hashes = surfaces.hash(chosen)
        spellings.add(surfaces.word_hash[chosen], hashes, surfaces.count[chosen].astype(np.int64), places)
    word_hash, surface_hash, counts, places = spellings.total()
    surface = _fetch(runs, reader, places)
    num_spellings, text, count, best = _fold(word_hash, counts, surface)
    return WordRange(
        num_words=num_words,
        num_distinct=num_distinct,
        word_hash=word_hash,
        surface_hash=surface_hash,
        surface=surface,
        num_spellings=num_spellings,
        text=text,
        count=count,
        best=best,
    )


def _fetch(runs: list[RunName], reader: SurfaceReader, places: _UInt64s) -> pa.LargeStringArray:
    """Return the spellings at `places`: run << 32 | row, each once."""
    order = np.argsort(places)
    numbers = (places[order] >> np.uint64(32)).astype(np.int64)
    rows = (places[order] & np.uint64(0xFFFFFFFF)).astype(np.int64)
    bounds = np.searchsorted(numbers, np.arange(len(runs) + 1))
    found = []
    for number, run in enumerate(runs):
        wanted = rows[bounds[number] : bounds[number + 1]]
        if len(wanted):
            surfaces = reader.read(run)
            chosen = np.zeros(len(surfaces.word_hash), np.bool_)
            chosen[wanted] = True
            found.append(surfaces.take(chosen))
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_arrays(found or [pa.array([], pa.large_string())]).take(pa.array(back))


def _fold(
    word_hash: _UInt64s, counts: _Int64s, surface: pa.LargeStringArray
) -> tuple[_Int64s, pa.LargeStringArray, _Int64s, _Int64s]:
    """Return (number of spellings, text, count, row of the most frequent spelling) of each word."""
    starts = (
        np.flatnonzero(np.append(True, word_hash[1:] != word_hash[:-1])) if len(word_hash) else np.empty(0, np.int64)
    )
    text = normal_words(surface)
    same_word = np.ones(len(word_hash), np.bool_)
    same_word[starts] = False
    differs = pc.not_equal(text.slice(1), text.slice(0, max(0, len(text) - 1))).to_numpy(zero_copy_only=False)
    if (differs & same_word[1:]).any():  # pragma: no cover
        raise RuntimeError("two words share their 64-bit hash; please report this with the dump's name")
    totals = np.add.reduceat(counts, starts) if len(starts) else np.empty(0, np.int64)
    best = best_spellings(counts, starts, *_string_buffers(surface))
    return np.diff(np.append(starts, len(word_hash))), text.take(pa.array(starts)), totals, best


def _join(parts: list[WordRange]) -> Words:
    num_spellings = np.concatenate([part.num_spellings for part in parts])
    begins = np.cumsum([0, *(len(part.surface) for part in parts)])
    return Words(
        text=pa.concat_arrays([part.text for part in parts]),
        count=np.concatenate([part.count for part in parts]),
        best=np.concatenate([part.best + begin for part, begin in zip(parts, begins[:-1], strict=True)]),
        word=np.repeat(np.arange(len(num_spellings), dtype=np.int32), num_spellings),
        word_hash=np.concatenate([part.word_hash for part in parts]),
        surface_hash=np.concatenate([part.surface_hash for part in parts]),
        surface=pa.concat_arrays([part.surface for part in parts]),
    )


def normal_words(surfaces: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the normal form of each spelling of one word."""
    others = pc.invert(pc.string_is_ascii(surfaces))
    folded = pa.array([" ".join(words(other)) for other in values_of(surfaces.filter(others))], pa.large_string())
    return pc.replace_with_mask(pc.ascii_lower(surfaces), others, folded)


def order_by_count(counts: _Int64s, texts: pa.LargeStringArray) -> _Int64s:
    """Return the rows by count descending, then by text in the order of its UTF-8."""
    offsets, data = _string_buffers(texts)
    heads = string_heads(offsets, data)
    order = np.lexsort((heads, -counts))
    ordered_heads, ordered_counts = heads[order], counts[order]
    tied = (ordered_heads[1:] == ordered_heads[:-1]) & (ordered_counts[1:] == ordered_counts[:-1])
    starts = np.flatnonzero(np.append(False, tied) < np.append(tied, False))  # of each run of ties
    ends = np.flatnonzero(np.append(False, tied) > np.append(tied, False)) + 1
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rows = order[start:end].tolist()
        order[start:end] = sorted(rows, key=lambda row: data[offsets[row] : offsets[row + 1]].tobytes())
    return order


def _string_buffers(strings: pa.LargeStringArray) -> tuple[_Int64s, npt.NDArray[np.uint8]]:
    _, offsets, data = buffers_of(strings)
    bounds = (
        np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1] if len(strings) else [0]
    )
    return np.asarray(bounds, np.int64), np.frombuffer(data or b"", np.uint8)


@kernel
def sum_equal(keys, counts):
    """Return sorted `keys` without repetition and the sums of their counts."""
    distinct = 0
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            distinct += 1
    found = np.empty(distinct, np.uint64)
    sums = np.zeros(distinct, np.int64)
    row = -1
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            row += 1
            found[row] = keys[i]
        sums[row] += counts[i]
    return found, sums


@kernel
def merge_sorted(left, left_counts, right, right_counts):
    """Return the union of two sorted key arrays, counts of equal keys summed."""
    keys = np.empty(len(left) + len(right), np.uint64)
    counts = np.empty(len(left) + len(right), np.int64)
    i = 0
    j = 0
    row = 0
    while i < len(left) and j < len(right):
        a = left[i]
        b = right[j]
        # No branch on the comparison: it would be mispredicted half of the time.
        keys[row] = a if a <= b else b
        counts[row] = (left_counts[i] if a <= b else 0) + (right_counts[j] if b <= a else 0)
        i += a <= b
        j += b <= a
        row += 1
    while i < len(left):
        keys[row] = left[i]
        counts[row] = left_counts[i]
        i += 1
        row += 1
    while j < len(right):
        keys[row] = right[j]
        counts[row] = right_counts[j]
        j += 1
        row += 1
    if 4 * row < 3 * len(keys):  # do not hold on to the room of equal keys
        return keys[:row].copy(), counts[:row].copy()
    return keys[:row], counts[:row]


@kernel
def merge_spellings(words_a, hashes_a, counts_a, places_a, words_b, hashes_b, counts_b, places_b):
    """Return the union of two sorted lists of spellings, counts of equal ones summed, the place of `a` kept."""
    size = len(words_a) + len(words_b)
    found_words = np.empty(size, np.uint64)
    found_hashes = np.empty(size, np.uint64)
    found_counts = np.empty(size, np.int64)
    found_places = np.empty(size, np.uint64)
    i = 0
    j = 0
    row = 0
    while i < len(words_a) or j < len(words_b):
        if j == len(words_b):
            from_a, from_b = True, False
        elif i == len(words_a):
            from_a, from_b = False, True
        else:
            less = words_a[i] < words_b[j] or (words_a[i] == words_b[j] and hashes_a[i] < hashes_b[j])
            equal = words_a[i] == words_b[j] and hashes_a[i] == hashes_b[j]
            from_a, from_b = less or equal, not less
        count = np.int64(0)
        if from_b:
            found_words[row] = words_b[j]
            found_hashes[row] = hashes_b[j]
            found_places[row] = places_b[j]
            count += counts_b[j]
            j += 1
        if from_a:
            found_words[row] = words_a[i]
            found_hashes[row] = hashes_a[i]
            found_places[row] = places_a[i]
            count += counts_a[i]
            i += 1
        found_counts[row] = count
        row += 1
    return found_words[:row].copy(), found_hashes[:row].copy(), found_counts[:row].copy(), found_places[:row].copy()


@kernel
def is_among(values, wanted):
    """Tell of each of the sorted `values` whether it is in the sorted `wanted`."""
    found = np.zeros(len(values), np.bool_)
    j = 0
    for i in range(len(values)):
        while j < len(wanted) and wanted[j] < values[i]:
            j += 1
        found[i] = j < len(wanted) and wanted[j] == values[i]
    return found


@kernel
def string_heads(offsets, data):
    """Return the first 8 bytes of each string as a number that orders as they do."""
    heads = np.zeros(len(offsets) - 1, np.uint64)
    for row in range(len(heads)):
        head = np.uint64(0)
        for k in range(8):
            place = offsets[row] + k
            byte = data[place] if place < offsets[row + 1] else np.uint8(0)
            head = (head << np.uint64(8)) | np.uint64(byte)
        heads[row] = head
    return heads


@kernel
def _is_before(a, b, offsets, data):
    size_a = offsets[a + 1] - offsets[a]
    size_b = offsets[b + 1] - offsets[b]
    for k in range(min(size_a, size_b)):
        left, right = data[offsets[a] + k], data[offsets[b] + k]
        if left != right:
            return left < right
    return size_a < size_b


@kernel
def best_spellings(counts, starts, offsets, data):
    """Return the row of the most frequent spelling of each word, of equals the first in the order of UTF-8."""
    best = np.empty(len(starts), np.int64)
    for word in range(len(starts)):
        end = starts[word + 1] if word + 1 < len(starts) else len(counts)
        chosen = starts[word]
        for row in range(starts[word] + 1, end):
            if counts[row] > counts[chosen] or (
                counts[row] == counts[chosen] and _is_before(row, chosen, offsets, data)
            ):
                chosen = row
        best[word] = chosen
    return best
