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
from querygen.counts.sorted_lists import Merge, is_among, merge_spellings, merge_sums, sum_equal
from querygen.counts.word_order import best_spellings, order_by_count, string_buffers
from schemas.arrow_types import values_of
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
    best = best_spellings(counts, starts, *string_buffers(surface))
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
