"""Sorted lists with counts: many lists in, one list of what they hold out, counts of equal keys summed.

Lists are merged pairwise while the last two are of a size, so that the time is linear times the logarithm of how many.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import kernel


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
