"""A run of counts in memory: the table of spellings and the bigrams as they came in, a sorted `Run` out.

Spellings are sorted by the hash of their normal form, so that runs are summed by merging, and bigrams are pairs of row
numbers into them, sorted, each once with its count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from querygen.counts.radix_sort import order_by_hash, sort_keys
from querygen.text.spelling_table import COUNTED, HASH, NUMBER_MASK, PLACE, WORD_HASH
from schemas.kernels.byte_copy import gathered
from schemas.kernels.compiled import kernel

_UInt64s = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Run:
    """Counts of some pages. Row numbers of `first` and `second` point into the spellings."""

    word_hash: npt.NDArray[np.uint64]
    """Hash of each spelling's normal form; the spellings are sorted by it, then by the hash of the spelling."""
    count: npt.NDArray[np.uint32]
    size: npt.NDArray[np.uint16]
    """Bytes of each spelling."""
    data: npt.NDArray[np.uint8]
    """The spellings in UTF-8, one behind the other."""
    first: npt.NDArray[np.uint32]
    second: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint32]
    """How often the bigram (first, second) stands in the pages; sorted by (first, second)."""


def sorted_run(table: _UInt64s, num_rows: int, arena: npt.NDArray[np.uint8], keys: _UInt64s, other: _UInt64s) -> Run:
    """Return the run of `num_rows` spellings and the bigrams `keys` (``first id << 32 | second id``).

    `keys` and `other`, room for as many, are overwritten.
    """
    numbers, hashes, word_hashes, counted, places = used_rows(table, num_rows)
    order = order_by_hash(word_hashes, hashes)
    word_hash, count, rank = _take(order, numbers, word_hashes, counted)
    bits = max(1, (num_rows - 1).bit_length()) if num_rows else 1
    _rank_pairs(keys, rank, bits)
    first, second, counts = _count_runs(sort_keys(keys, other, 0, 2 * bits), bits)
    ordered = places[order]
    begins = (ordered >> np.uint64(11)).astype(np.int64)
    sizes = (ordered & np.uint64(2047)).astype(np.uint16)
    _, data = gathered(arena, begins, begins + sizes)
    return Run(word_hash=word_hash, count=count, size=sizes, data=data, first=first, second=second, counts=counts)


@kernel
def used_rows(table, num_rows):
    """Return (id, hash, hash of the word, count, place) of the spellings, in the order of their slots."""
    numbers = np.empty(num_rows, np.uint32)
    hashes = np.empty(num_rows, np.uint64)
    word_hashes = np.empty(num_rows, np.uint64)
    counts = np.empty(num_rows, np.uint32)
    places = np.empty(num_rows, np.uint64)
    row = 0
    for slot in range(len(table)):
        counted = table[slot, COUNTED]
        if counted != 0:
            numbers[row] = (counted & NUMBER_MASK) - np.uint64(1)
            counts[row] = counted >> np.uint64(32)
            hashes[row] = table[slot, HASH]
            word_hashes[row] = table[slot, WORD_HASH]
            places[row] = table[slot, PLACE]
            row += 1
    return numbers, hashes, word_hashes, counts, places


@kernel
def _take(order, numbers, word_hashes, counts):
    """Return (hash of the word, count) in `order`, and by id the place in `order`."""
    ordered_hashes = np.empty(len(order), np.uint64)
    ordered_counts = np.empty(len(order), np.uint32)
    rank = np.empty(len(order), np.uint32)
    for place in range(len(order)):
        row = order[place]
        ordered_hashes[place] = word_hashes[row]
        ordered_counts[place] = counts[row]
        rank[numbers[row]] = place
    return ordered_hashes, ordered_counts, rank


@kernel
def _rank_pairs(keys, rank, bits):
    """Replace the ids in each key by their ranks, packed into ``2 * bits`` bits."""
    for i in range(len(keys)):
        first = np.uint64(rank[keys[i] >> np.uint64(32)])
        keys[i] = (first << np.uint64(bits)) | np.uint64(rank[keys[i] & np.uint64(0xFFFFFFFF)])


@kernel
def _count_runs(keys, bits):
    """Return (first, second, count) of the distinct values of sorted `keys`."""
    distinct = 0
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            distinct += 1
    first = np.empty(distinct, np.uint32)
    second = np.empty(distinct, np.uint32)
    counts = np.empty(distinct, np.uint32)
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    row = -1
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            row += 1
            first[row] = keys[i] >> np.uint64(bits)
            second[row] = keys[i] & mask
            counts[row] = 0
        counts[row] += np.uint32(1)
    return first, second, counts
