"""The table of all prefixes of all queries, built once per process.

In: the words' hashes of every query. Out: two open tables of (hash, entry) pairs, one cache line each look-up.

::

    queries: new, new york, york       words:   new -> query 0, longer;  york -> query 2
                                       phrases: new york -> query 1
                                       pairs:   a bit for the hash of each phrase's first two words

These are no `schemas.kernels.hash_set` with the entries in another array: hash and entry lie side by side, so that a
look-up is one prefetch and one cache line, of memory that no core's cache holds. Slots are a power of two, three tenths
to three fifths taken; the table is built of all queries at once and never grows.

A prefix's hash is 64 bits: two of a million prefixes collide with probability 3e-8, and a look-up of a phrase that is
no prefix is wrongly taken for one with 5e-14.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.match.word_hash import join_hash
from schemas.kernels.compiled import inlined, kernel, leaf

QUERY = np.uint64((1 << 32) - 1)
"""Bits of an entry that hold the query's id + 1 (0: the prefix is no query itself)."""
LONGER = np.uint64(1 << 32)
"""A longer query begins with this prefix."""
SHARED = np.uint64(1 << 33)
"""More than one query has this very text: `QueryTable.following` names the others."""

NO_QUERY = -1


class QueryTable(NamedTuple):
    """What the matching kernel reads."""

    words: npt.NDArray[np.uint64]
    """Shape [2 * slots]: hash (0: empty) and entry, of the prefixes of one word."""
    phrases: npt.NDArray[np.uint64]
    """The same of the prefixes of two and more words."""
    pairs: npt.NDArray[np.uint64]
    """Bits: whether a phrase of two words may be in `phrases`. They fit a core's cache; most pairs end here."""
    following: npt.NDArray[np.int32]
    """The next query of the same text, by query id; -1: none."""

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (self.words, self.phrases, self.pairs, self.following))


@inlined
def slot_of(table, key):
    """Return the place of `key`'s home slot in `table`."""
    return np.int64(key & np.uint64(len(table) // 2 - 1)) * 2


@inlined
def find(table, key):
    """Return the place of `key`, or of the empty slot where it belongs."""
    place = slot_of(table, key)
    while table[place] != key and table[place] != 0:
        place += 2
        if place == len(table):
            place = 0
    return place


@inlined
def pair_bit(pairs, key):
    """Return the word of `pairs` and the bit in it that stand for a phrase of two words."""
    bit = key >> np.uint64(20)
    return np.int64((bit >> np.uint64(6)) & np.uint64(len(pairs) - 1)), np.uint64(1) << (bit & np.uint64(63))


@kernel
def prefix_hashes(words, ends):
    """Return the hash of every prefix of every query, where its last word stands in `words`."""
    out = np.empty(len(words), dtype=np.uint64)
    begin = 0
    for row in range(len(ends)):
        state = np.uint64(0)
        for i in range(begin, ends[row]):
            state = words[i] if i == begin else join_hash(state, words[i])
            out[i] = state
        begin = ends[row]
    return out


@leaf
def _fill(prefixes, ends, query_ids, words, phrases, pairs, following):
    begin = 0
    for row in range(len(ends)):
        end = ends[row]
        for i in range(begin, end):
            key = prefixes[i]
            table = words if i == begin else phrases
            place = find(table, key)
            table[place] = key
            if i == begin + 1:
                word, bit = pair_bit(pairs, key)
                pairs[word] |= bit
            if i < end - 1:
                table[place + 1] |= LONGER
            else:
                entry = table[place + 1]
                query = query_ids[row]
                following[query] = np.int64(entry & QUERY) - 1
                if entry & QUERY != 0:
                    entry |= SHARED
                table[place + 1] = (entry & ~QUERY) | np.uint64(query + 1)
        begin = end


def query_table(
    words: npt.NDArray[np.uint64], ends: npt.NDArray[np.int64], query_ids: npt.NDArray[np.int32]
) -> QueryTable:
    """Build the table of the queries whose words are ``words[ends[row - 1]:ends[row]]``; a query may have none."""
    prefixes = prefix_hashes(words, ends)
    first = np.zeros(len(words), dtype=bool)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]]) if len(ends) else ends
    first[starts[starts < ends]] = True
    num_words, num_phrases = _num_distinct(prefixes[first]), _num_distinct(prefixes[~first])
    made = QueryTable(
        words=np.zeros(2 * _slots(num_words), dtype=np.uint64),
        phrases=np.zeros(2 * _slots(num_phrases), dtype=np.uint64),
        pairs=np.zeros(max(1, _slots(8 * num_phrases) // 64), dtype=np.uint64),
        following=np.full(int(query_ids.max(initial=-1)) + 1, NO_QUERY, dtype=np.int32),
    )
    _fill(prefixes, ends, query_ids, made.words, made.phrases, made.pairs, made.following)
    return made


def _num_distinct(hashes: npt.NDArray[np.uint64]) -> int:
    hashes.sort()  # a tenth of the time of np.unique
    return int((hashes[1:] != hashes[:-1]).sum()) + bool(len(hashes))


def _slots(keys: int) -> int:
    """Return the slots for `keys`: a power of two, from five thirds to ten thirds of them."""
    return 1 << max(6, int(5 * keys // 3).bit_length())
