"""Sum runs of counts: many runs in, one table of words and one of bigrams out, exact.

    runs --hash, count--> words that reach the floor --> their spellings, numbered in the order of their hashes
    runs --partition p--> pairs of those numbers, merged and summed --> bigrams of partition p

A bigram of which a word is no query is left out before anything is merged: of a real dump's distinct bigrams that
leaves a tenth. Memory: 16 bytes per distinct word, 4 bytes per spelling of each run, 16 bytes per bigram of one
partition; counts do not depend on how pages were dealt to runs.
"""

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from querygen.runs import NUM_PARTITIONS, BigramReader, read_surfaces
from schemas.query import BIGRAM_COUNTS, WORD_COUNTS
from schemas.storage import Folder
from schemas.text import words

_UNMERGED_ROWS = 8_000_000
_NO_SURFACE = -1
_SPACE = pa.scalar(" ", pa.large_string())

RunName = tuple[str, str]
"""(folder, name) of a run."""


@dataclass(frozen=True, kw_only=True)
class MergedCounts:
    """What all runs hold together."""

    words: pa.Table
    """`WORD_COUNTS`, the most frequent first, then by text."""
    bigrams: pa.Table
    """`BIGRAM_COUNTS` of the bigrams of listed words, in the same order."""
    num_words: int
    """Running words."""
    num_distinct_words: int


@dataclass(frozen=True, kw_only=True)
class _Spellings:
    """The spellings of the words that may be in bigrams, numbered in the order of (word_hash, surface_hash)."""

    word_hash: npt.NDArray[np.uint64]
    surface_hash: npt.NDArray[np.uint64]
    word: npt.NDArray[np.int32]
    """Row of the word in `words`."""
    order: npt.NDArray[np.int32]
    """Place of the spelling among all in alphabetical order: decides between equally frequent ones."""
    surface: pa.ChunkedArray


def merge_runs(
    runs: list[RunName],
    *,
    word_floor: int,
    bigram_word_floor: int,
    bigram_floor: int,
    pool: Executor | None = None,
    progress: Callable[[int], Any] = lambda steps: None,
) -> MergedCounts:
    """Return words seen `word_floor` times, and bigrams seen `bigram_floor` times whose words both reach the other.

    `progress` is told steps of `num_steps`.
    """
    folders = {path: Folder(path) for path, _ in runs}
    hashes, totals = _sum_words(runs, folders, progress)
    kept = hashes[totals >= min(word_floor, bigram_word_floor)]
    surfaces = _collect_surfaces(runs, folders, kept, progress)
    surfaces = surfaces.append_column("text", _normal_words(surfaces["surface"]))
    all_words = _fold_surfaces(surfaces)
    listed = all_words.filter(pc.greater_equal(all_words["count"], bigram_word_floor))
    spellings = _number_spellings(surfaces, listed)
    parts = _merge_bigrams(runs, folders, spellings, bigram_floor, pool, progress)
    return MergedCounts(
        words=all_words.filter(pc.greater_equal(all_words["count"], word_floor)).cast(WORD_COUNTS),
        bigrams=_bigram_table(parts, listed, spellings),
        num_words=int(totals.sum()),
        num_distinct_words=len(hashes),
    )


def num_steps(num_runs: int) -> int:
    """Return how many steps `merge_runs` tells its progress for so many runs."""
    return 2 * num_runs + NUM_PARTITIONS


def _sum_words(
    runs: list[RunName], folders: dict[str, Folder], progress: Callable[[int], Any]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return (hash, count) of every distinct word."""
    merged = _Sums()
    for path, name in runs:
        surfaces = read_surfaces(folders[path], name, spellings=False)
        merged.add(*sum_equal(surfaces.word_hash, surfaces.count))
        progress(1)
    return merged.total()


class _Sums:
    """Sums of sorted (key, count) arrays, merged pairwise while the last two are of a size: linear times log."""

    def __init__(self) -> None:
        self._parts: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]] = []

    def add(self, keys: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64]) -> None:
        self._parts.append((keys, counts))
        while len(self._parts) > 1 and len(self._parts[-2][0]) <= 2 * len(self._parts[-1][0]):
            self._merge_last()

    def total(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        while len(self._parts) > 1:
            self._merge_last()
        return self._parts.pop() if self._parts else (np.empty(0, np.uint64), np.empty(0, np.int64))

    def _merge_last(self) -> None:
        right, left = self._parts.pop(), self._parts.pop()
        self._parts.append(merge_sorted(*left, *right))


def _collect_surfaces(
    runs: list[RunName], folders: dict[str, Folder], kept: npt.NDArray[np.uint64], progress: Callable[[int], Any]
) -> pa.Table:
    """Return the spellings of the `kept` words with their counts over all runs, in no order."""
    tables: list[pa.Table] = []
    for path, name in runs:
        surfaces = read_surfaces(folders[path], name, spellings=True)
        chosen = is_among(surfaces.word_hash, kept)
        strings, hashes = surfaces.take(chosen)
        tables.append(
            pa.table(
                {
                    "word_hash": surfaces.word_hash[chosen],
                    "surface_hash": hashes,
                    "surface": strings,
                    "count": surfaces.count[chosen].astype(np.int64),
                }
            )
        )
        if sum(len(part) for part in tables[1:]) > max(_UNMERGED_ROWS, len(tables[0])):
            tables = [_sum_surfaces(tables)]
        progress(1)
    return _sum_surfaces(tables)


def _sum_surfaces(tables: list[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(tables).group_by(["word_hash", "surface_hash", "surface"]).aggregate([("count", "sum")])
    return grouped.select(["word_hash", "surface_hash", "surface", "count_sum"]).rename_columns(
        ["word_hash", "surface_hash", "surface", "count"]
    )


def _fold_surfaces(surfaces: pa.Table) -> pa.Table:
    """Return `WORD_COUNTS`: spellings of one normal form summed, the most frequent kept, of equals the smallest."""
    totals = surfaces.group_by("text").aggregate([("count", "sum")])
    ordered = surfaces.sort_by([("text", "ascending"), ("count", "descending"), ("surface", "ascending")])
    best = ordered.group_by("text", use_threads=False).aggregate([("surface", "first")])
    joined = totals.join(best, "text", join_type="inner")
    result = pa.table({"text": joined["text"], "surface": joined["surface_first"], "count": joined["count_sum"]})
    return result.sort_by([("count", "descending"), ("text", "ascending")])


def _normal_words(surfaces: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the normal form of each spelling of one word."""
    ascii_only = pc.string_is_ascii(surfaces)
    lowered = pc.ascii_lower(surfaces)
    others = surfaces.filter(pc.invert(ascii_only)).to_pylist()
    folded = pa.chunked_array([pa.array([" ".join(words(other)) for other in others], pa.large_string())])
    return pc.replace_with_mask(
        lowered.combine_chunks(), pc.invert(ascii_only).combine_chunks(), folded.combine_chunks()
    )


def _number_spellings(surfaces: pa.Table, listed: pa.Table) -> _Spellings:
    rows = pc.index_in(surfaces["text"], value_set=listed["text"].combine_chunks())
    table = surfaces.append_column("word", rows).filter(pc.is_valid(rows))
    table = table.sort_by([("word_hash", "ascending"), ("surface_hash", "ascending")])
    order = np.empty(len(table), np.int32)
    order[pc.sort_indices(table["surface"]).to_numpy()] = np.arange(len(table), dtype=np.int32)
    spellings = _Spellings(
        word_hash=table["word_hash"].to_numpy(),
        surface_hash=table["surface_hash"].to_numpy(),
        word=table["word"].to_numpy().astype(np.int32),
        order=order,
        surface=table["surface"],
    )
    same = (np.diff(spellings.word_hash) == 0) & (np.diff(spellings.surface_hash) == 0)
    assert not same.any(), "two spellings share both of their 64-bit hashes"
    return spellings


def _merge_bigrams(
    runs: list[RunName],
    folders: dict[str, Folder],
    spellings: _Spellings,
    floor: int,
    pool: Executor | None,
    progress: Callable[[int], Any],
) -> list[tuple[npt.NDArray, ...]]:
    with tempfile.TemporaryDirectory(prefix="querygen-merge-") as work:
        total = 0
        for number, (path, name) in enumerate(runs):
            surfaces = read_surfaces(folders[path], name, spellings=True)
            chosen = is_among(surfaces.word_hash, spellings.word_hash)
            numbers = np.full(len(chosen), _NO_SURFACE, np.int32)
            numbers[chosen] = number_rows(
                surfaces.word_hash[chosen], surfaces.take(chosen)[1], spellings.word_hash, spellings.surface_hash
            )
            np.save(Path(work) / f"{number}.npy", numbers)
            total += len(numbers)
        np.save(Path(work) / "word.npy", spellings.word)
        np.save(Path(work) / "order.npy", spellings.order)
        step = max(1, min(NUM_PARTITIONS // 8, NUM_PARTITIONS * 500_000 // max(1, total)))
        ranges = [(begin, min(begin + step, NUM_PARTITIONS)) for begin in range(0, NUM_PARTITIONS, step)]
        arguments = [(runs, work, begin, end, floor) for begin, end in ranges]
        results: Iterable[tuple[npt.NDArray, ...]] = (
            map(merge_partitions, arguments) if pool is None else pool.map(merge_partitions, arguments)
        )
        parts = []
        for (begin, end), part in zip(ranges, results, strict=True):
            parts.append(part)
            progress(end - begin)
        return parts


def merge_partitions(arguments: tuple[list[RunName], str, int, int, int]) -> tuple[npt.NDArray, ...]:
    """Return (first word, second word, first spelling, second spelling, count) of the bigrams of some partitions."""
    runs, work, begin, end, floor = arguments
    folders = {path: Folder(path) for path, _ in runs}
    merged = _Sums()
    for number, (path, name) in enumerate(runs):
        numbers = np.load(Path(work) / f"{number}.npy", mmap_mode="r")
        with BigramReader(folders[path], name) as reader:
            merged.add(*reader.read(begin, end, numbers))
    keys, totals = merged.total()
    word = np.load(Path(work) / "word.npy", mmap_mode="r")
    order = np.load(Path(work) / "order.npy", mmap_mode="r")
    word_keys = pair_words(keys, word)
    by_words = np.argsort(word_keys, kind="stable")
    return tuple(fold_pairs(word_keys, keys, totals, by_words, order, floor))


def _bigram_table(parts: list[tuple[npt.NDArray, ...]], listed: pa.Table, spellings: _Spellings) -> pa.Table:
    first, second, first_spelling, second_spelling, counts = (
        (np.concatenate(columns) for columns in zip(*parts, strict=True)) if parts else (np.empty(0, np.int64),) * 5
    )
    alphabetical = np.empty(len(listed), np.int64)
    alphabetical[pc.sort_indices(listed["text"]).to_numpy()] = np.arange(len(listed))
    # A space sorts before every character of a word, so pairs of words sort as their joined texts do.
    ordered = np.lexsort((alphabetical[second], alphabetical[first], -counts))
    first, second = first[ordered], second[ordered]
    text, count = listed["text"].combine_chunks(), listed["count"].to_numpy()
    surface = spellings.surface.combine_chunks()
    columns = {
        "text": pc.binary_join_element_wise(text.take(pa.array(first)), text.take(pa.array(second)), _SPACE),
        "surface": pc.binary_join_element_wise(
            surface.take(pa.array(first_spelling[ordered])), surface.take(pa.array(second_spelling[ordered])), _SPACE
        ),
        "count": pa.array(counts[ordered]),
        "first_count": pa.array(count[first]),
        "second_count": pa.array(count[second]),
    }
    return pa.table(columns).cast(BIGRAM_COUNTS)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def sum_equal(keys, counts):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def merge_sorted(left, left_counts, right, right_counts):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def is_among(values, wanted):  # type: ignore[no-untyped-def]
    """Tell of each of the sorted `values` whether it is in the sorted `wanted`."""
    found = np.zeros(len(values), np.bool_)
    j = 0
    for i in range(len(values)):
        while j < len(wanted) and wanted[j] < values[i]:
            j += 1
        found[i] = j < len(wanted) and wanted[j] == values[i]
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def number_rows(word_hash, surface_hash, all_word_hash, all_surface_hash):  # type: ignore[no-untyped-def]
    """Return the place of each row of a run among all spellings, -1 where it is not there; both are sorted."""
    numbers = np.full(len(word_hash), _NO_SURFACE, np.int32)
    j = 0
    for i in range(len(word_hash)):
        while j < len(all_word_hash) and (
            all_word_hash[j] < word_hash[i]
            or (all_word_hash[j] == word_hash[i] and all_surface_hash[j] < surface_hash[i])
        ):
            j += 1
        if j < len(all_word_hash) and all_word_hash[j] == word_hash[i] and all_surface_hash[j] == surface_hash[i]:
            numbers[i] = j
    return numbers


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def pair_words(keys, word):  # type: ignore[no-untyped-def]
    """Return the pair of words of each pair of spellings, packed the same way."""
    found = np.empty(len(keys), np.uint64)
    for i in range(len(keys)):
        first = word[keys[i] >> np.uint64(32)]
        second = word[keys[i] & np.uint64(0xFFFFFFFF)]
        found[i] = (np.uint64(first) << np.uint64(32)) | np.uint64(second)
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def fold_pairs(word_keys, keys, counts, by_words, order, floor):  # type: ignore[no-untyped-def]
    """Return (first word, second word, first spelling, second spelling, count) of each pair of words.

    The spelling is the most frequent one, of equals the first in the alphabet. `by_words` sorts `word_keys`.
    """
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    size = len(by_words)
    num = 0
    i = 0
    while i < size:
        word_key = word_keys[by_words[i]]
        total = 0
        while i < size and word_keys[by_words[i]] == word_key:
            total += counts[by_words[i]]
            i += 1
        num += total >= floor
    first = np.empty(num, np.int64)
    second = np.empty(num, np.int64)
    first_spelling = np.empty(num, np.int64)
    second_spelling = np.empty(num, np.int64)
    totals = np.empty(num, np.int64)
    row = 0
    i = 0
    while i < size:
        word_key = word_keys[by_words[i]]
        total = 0
        best = np.uint64(0)
        best_count = -1
        while i < size and word_keys[by_words[i]] == word_key:
            key = keys[by_words[i]]
            count = counts[by_words[i]]
            total += count
            better = count > best_count
            if count == best_count:
                a, b = order[key >> shift], order[best >> shift]
                better = a < b or (a == b and order[key & low] < order[best & low])
            if better:
                best = key
                best_count = count
            i += 1
        if total >= floor:
            first[row] = word_key >> shift
            second[row] = word_key & low
            first_spelling[row] = best >> shift
            second_spelling[row] = best & low
            totals[row] = total
            row += 1
    return first, second, first_spelling, second_spelling, totals
