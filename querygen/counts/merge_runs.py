"""Sum runs of counts: many runs in, one table of words and one of bigrams out, exact.

    runs --hash, count--> words that reach the floor --> their spellings, numbered in the order of their hashes
    runs --partition p--> pairs of those numbers, merged and summed --> bigrams of partition p

A bigram of which a word is no query is left out before anything is merged: of a real dump's distinct bigrams that
leaves a tenth. Memory: that of `querygen.counts.merge_words`, at most 1 GiB of runs kept between passes, 4 bytes per
spelling of each run, and 16 bytes per bigram of one partition. Counts do not depend on how pages were dealt to runs.
"""

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from querygen.counts.merge_words import Words, merge_words
from querygen.counts.runs import NUM_PARTITIONS, NUM_RANGES, BigramReader, RunName, part_starts, read_surfaces
from querygen.counts.sorted_lists import is_among, merge_sums
from schemas.kernels.compiled import kernel
from schemas.query import BIGRAM_COUNTS
from schemas.storage import Folder

_NO_NUMBER = -1
_SPACE = pa.scalar(" ", pa.large_string())


@dataclass(frozen=True, kw_only=True)
class MergedCounts:
    """What all runs hold together."""

    words: pa.Table
    """`schemas.query.WORD_COUNTS`, the most frequent first, then by text."""
    bigrams: pa.Table
    """`schemas.query.BIGRAM_COUNTS` of the bigrams of listed words, in the same order."""
    num_words: int
    """Running words."""
    num_distinct_words: int


@dataclass(frozen=True, kw_only=True)
class _Spellings:
    """The spellings of the words that may be in bigrams, numbered in the order of (word_hash, surface_hash)."""

    word_hash: npt.NDArray[np.uint64]
    surface_hash: npt.NDArray[np.uint64]
    word: npt.NDArray[np.int32]
    """Row of the word in `Words`."""
    order: npt.NDArray[np.int32]
    """Place of the spelling among all in alphabetical order: decides between equally frequent ones."""
    surface: pa.LargeStringArray


def merge_runs(
    runs: list[RunName],
    *,
    word_floor: int,
    bigram_word_floor: int,
    bigram_floor: int,
    pool: Executor | None = None,
    progress: Callable[[int], Any] = lambda steps: None,
    use_words: Callable[[pa.Table], Any] = lambda words: None,
) -> MergedCounts:
    """Return words seen `word_floor` times, and bigrams seen `bigram_floor` times whose words both reach the other.

    `progress` is told steps of `num_steps`; `use_words` is given the words as soon as they are in order.
    """
    words, num_words, num_distinct_words = merge_words(runs, min(word_floor, bigram_word_floor), pool, progress)
    spellings = _number_spellings(words, bigram_word_floor)

    def order_words() -> pa.Table:
        table = words.table(word_floor)
        use_words(table)
        return table

    with ThreadPoolExecutor(1) as beside:  # while the processes merge bigrams
        table = beside.submit(order_words)
        parts = _merge_bigrams(runs, spellings, bigram_floor, pool, progress)
    return MergedCounts(
        words=table.result(),
        bigrams=_bigram_table(parts, words, spellings),
        num_words=num_words,
        num_distinct_words=num_distinct_words,
    )


def num_steps(num_runs: int) -> int:
    """Return how many steps `merge_runs` tells its progress for so many runs."""
    return num_runs + NUM_RANGES + NUM_PARTITIONS


def _number_spellings(words: Words, floor: int) -> _Spellings:
    """Return the spellings of the words seen `floor` times."""
    listed = words.count[words.word] >= floor
    surface = words.surface.filter(pa.array(listed))
    order = np.empty(len(surface), np.int32)
    order[pc.sort_indices(surface).to_numpy()] = np.arange(len(surface), dtype=np.int32)
    return _Spellings(
        word_hash=words.word_hash[listed],
        surface_hash=words.surface_hash[listed],
        word=words.word[listed],
        order=order,
        surface=surface,
    )


def _merge_bigrams(
    runs: list[RunName],
    spellings: _Spellings,
    floor: int,
    pool: Executor | None,
    progress: Callable[[int], Any],
) -> list[tuple[npt.NDArray, ...]]:
    with tempfile.TemporaryDirectory(prefix="querygen-merge-") as work:
        np.save(Path(work) / "word.npy", spellings.word)
        np.save(Path(work) / "order.npy", spellings.order)
        np.save(Path(work) / "word_hash.npy", spellings.word_hash)
        np.save(Path(work) / "surface_hash.npy", spellings.surface_hash)
        numbering = [(run, work, number) for number, run in enumerate(runs)]
        total = 0
        for size in map(number_run, numbering) if pool is None else pool.map(number_run, numbering):
            total += size
            progress(1)
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


def number_run(arguments: tuple[RunName, str, int]) -> int:
    """Write the number of each spelling of a run among all spellings to ``{number}.npy``; return how many there are."""
    run, work, number = arguments
    word_hash = np.load(Path(work) / "word_hash.npy", mmap_mode="r")
    surface_hash = np.load(Path(work) / "surface_hash.npy", mmap_mode="r")
    starts = part_starts(word_hash, NUM_RANGES)
    parts = []
    for surfaces, begin, end in zip(read_surfaces(run), starts[:-1], starts[1:], strict=True):
        chosen = is_among(surfaces.word_hash, word_hash[begin:end])
        part = np.full(len(chosen), _NO_NUMBER, np.int32)
        part[chosen] = number_rows(
            surfaces.word_hash[chosen], surfaces.hash(chosen), word_hash[begin:end], surface_hash[begin:end], begin
        )
        parts.append(part)
    numbers = np.concatenate(parts)
    np.save(Path(work) / f"{number}.npy", numbers)
    return len(numbers)


def merge_partitions(arguments: tuple[list[RunName], str, int, int, int]) -> tuple[npt.NDArray, ...]:
    """Return (first word, second word, first spelling, second spelling, count) of the bigrams of some partitions."""
    runs, work, begin, end, floor = arguments
    merged = merge_sums()
    for number, (path, name) in enumerate(runs):
        numbers = np.load(Path(work) / f"{number}.npy", mmap_mode="r")
        with BigramReader(Folder(path), name) as bigrams:
            merged.add(*bigrams.read(begin, end, numbers))
    keys, totals = merged.total()
    word = np.load(Path(work) / "word.npy", mmap_mode="r")
    order = np.load(Path(work) / "order.npy", mmap_mode="r")
    word_keys = pair_words(keys, word)
    by_words = np.argsort(word_keys, kind="stable")
    return tuple(fold_pairs(word_keys, keys, totals, by_words, order, floor))


def _bigram_table(parts: list[tuple[npt.NDArray, ...]], words: Words, spellings: _Spellings) -> pa.Table:
    first, second, first_spelling, second_spelling, counts = (
        (np.concatenate(columns) for columns in zip(*parts, strict=True)) if parts else (np.empty(0, np.int64),) * 5
    )
    used = np.unique(np.concatenate([first, second]))
    text = words.text.take(pa.array(used))
    alphabetical = np.empty(len(used), np.int64)
    alphabetical[pc.sort_indices(text).to_numpy()] = np.arange(len(used))
    first_used, second_used = np.searchsorted(used, first), np.searchsorted(used, second)
    # A space sorts before every character of a word, so pairs of words sort as their joined texts do.
    ordered = np.lexsort((alphabetical[second_used], alphabetical[first_used], -counts))
    first_text, second_text = (text.take(pa.array(rows[ordered])) for rows in (first_used, second_used))
    surface = spellings.surface
    columns = {
        "text": pc.binary_join_element_wise(first_text, second_text, _SPACE),
        "surface": pc.binary_join_element_wise(
            surface.take(pa.array(first_spelling[ordered])), surface.take(pa.array(second_spelling[ordered])), _SPACE
        ),
        "count": pa.array(counts[ordered]),
        "first_count": pa.array(words.count[first[ordered]]),
        "second_count": pa.array(words.count[second[ordered]]),
    }
    return pa.table(columns).cast(BIGRAM_COUNTS)


@kernel
def number_rows(word_hash, surface_hash, all_word_hash, all_surface_hash, first):
    """Return `first` plus the place of each row of a run among all spellings, -1 where it is not there; both sorted."""
    numbers = np.full(len(word_hash), _NO_NUMBER, np.int32)
    j = 0
    for i in range(len(word_hash)):
        while j < len(all_word_hash) and (
            all_word_hash[j] < word_hash[i]
            or (all_word_hash[j] == word_hash[i] and all_surface_hash[j] < surface_hash[i])
        ):
            j += 1
        if j < len(all_word_hash) and all_word_hash[j] == word_hash[i] and all_surface_hash[j] == surface_hash[i]:
            numbers[i] = first + j
    return numbers


@kernel
def pair_words(keys, word):
    """Return the pair of words of each pair of spellings, packed the same way."""
    found = np.empty(len(keys), np.uint64)
    for i in range(len(keys)):
        first = word[keys[i] >> np.uint64(32)]
        second = word[keys[i] & np.uint64(0xFFFFFFFF)]
        found[i] = (np.uint64(first) << np.uint64(32)) | np.uint64(second)
    return found


@kernel
def fold_pairs(word_keys, keys, counts, by_words, order, floor):
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
