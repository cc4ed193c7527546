"""Compiled scan of a text: every word looked up in a table of spellings, every bigram appended as a pair of their ids.

In: UTF-8 text of a page. Out: the table's counts, and ``first id << 32 | second id`` for each bigram, in order. The
rules are those of `querygen.text.tokens`; a token that only Unicode normalisation can fold is handed back to it.

    "The cat sat. Dogs"  ->  words The cat sat Dogs, pairs (The, cat) (cat, sat)

A piece of text at a time: its words are found, then hashed, then looked up, so that the waits for memory overlap.
"""

import numpy as np

from querygen.text.characters import word_hash_of
from querygen.text.spelling_table import ARENA_USED, COUNTED, HASH, NUM_SURFACES, bytes_hash, count_at, find, insert
from querygen.text.token_words import read_words
from schemas.kernels.ascii import NEWLINE, SPACE
from schemas.kernels.compiled import inlined, leaf

MAX_WORD_BYTES = 1024
"""A longer run of letters is no word: it is left out and counted."""
PIECE_BYTES = 1 << 16
"""The scan asks for room for one such piece at a time (or for one longer token)."""

DONE, GROW, ODD = range(3)
"""Why a scan returned: text finished, no room in the table, a token for `querygen.text.tokens`."""

NUM_KEYS, PREVIOUS, OPEN_END, NUM_LONG, TOKEN_END, _TOUCHED = range(2, 8)
"""Fields of the state, behind those of the table. PREVIOUS: id of the word before, -1 when no bigram may reach back;
OPEN_END: a sentence ended unless the next word starts small; TOKEN_END: where the odd token ends; TOUCHED: nothing of
use."""


@inlined
def _append_pair(first, second, counts):
    state = counts.state
    counts.keys[state[NUM_KEYS]] = (np.uint64(first) << np.uint64(32)) | np.uint64(second)
    state[NUM_KEYS] += 1


@leaf
def push_word(chunks, size, word_value, may_join, counts):
    """Count one word of an odd token: its spelling is the first `size` bytes, its normal form has that hash."""
    value = bytes_hash(chunks, 0, size)
    slot = find(chunks, 0, size, value, counts)
    if counts.table[slot, COUNTED] == 0:
        insert(chunks, 0, size, value, word_value, slot, counts)
    number = count_at(slot, counts)
    if may_join and counts.state[PREVIOUS] >= 0:
        _append_pair(counts.state[PREVIOUS], number, counts)
    counts.state[PREVIOUS] = number


@inlined
def _piece_end(text, i, size):
    """Return the end of the piece at `i`: before the first blank or line end behind `PIECE_BYTES`."""
    end = min(size, i + PIECE_BYTES)
    while end < size and text[end] != SPACE and text[end] != NEWLINE:
        end += 1
    return end


@inlined
def _has_room(num_bytes, words, counts):
    """Tell whether there is room for all words of so many bytes."""
    room = num_bytes // 2 + 1
    state = counts.state
    return (
        room <= len(words.begins)
        and 3 * (state[NUM_SURFACES] + room) <= 2 * len(counts.table)
        and state[ARENA_USED] + room <= len(counts.arena)
    )


@inlined
def _hash_words(chunks, words, count, counts):
    """Hash the words and touch their slots: reads that do not wait for each other."""
    table = counts.table
    mask = len(table) - 1
    touched = np.uint64(0)
    for word in range(count):
        length = words.ends[word] - words.begins[word]
        value = bytes_hash(chunks, words.begins[word], min(length, MAX_WORD_BYTES))
        words.hashes[word] = value
        touched ^= table[np.int64(value & np.uint64(mask)), HASH]
    counts.state[_TOUCHED] = np.int64(touched)  # else the compiler leaves the reading out


@inlined
def _count_words(text, chunks, words, count, characters, counts):
    """Look the words up, count them and append their bigrams."""
    state, keys = counts.state, counts.keys
    previous = state[PREVIOUS]
    num_keys = state[NUM_KEYS]
    for word in range(count):
        begin = words.begins[word]
        length = words.ends[word] - begin
        if length > MAX_WORD_BYTES:
            state[NUM_LONG] += 1
            previous = -1
            continue
        value = words.hashes[word]
        slot = find(chunks, begin, length, value, counts)
        if counts.table[slot, COUNTED] == 0:
            word_value = word_hash_of(text, begin, begin + length, characters)
            insert(chunks, begin, length, value, word_value, slot, counts)
        number = count_at(slot, counts)
        if words.joins[word] and previous >= 0:
            keys[num_keys] = (np.uint64(previous) << np.uint64(32)) | np.uint64(number)
            num_keys += 1
        previous = number
    state[PREVIOUS] = previous
    state[NUM_KEYS] = num_keys


@leaf
def scan(text, chunks, i, size, characters, words, counts):
    """Count ``text[i:size]``; return (where it stopped, DONE, GROW or ODD).

    `chunks` are the same bytes as 64-bit words, two of them more than needed. `words` is work space for one piece;
    ``counts.keys`` must have room for ``(size - i) / 2`` pairs.
    """
    state = counts.state
    while i < size:
        end = _piece_end(text, i, size)
        if not _has_room(end - i, words, counts):
            return i, GROW
        open_end = state[OPEN_END] != 0
        i, count, open_end, broken, token_end = read_words(text, chunks, i, end, characters, words, open_end)
        state[OPEN_END] = open_end
        _hash_words(chunks, words, count, counts)
        _count_words(text, chunks, words, count, characters, counts)
        if broken:
            state[PREVIOUS] = -1
        if token_end >= 0:
            state[TOKEN_END] = token_end
            return i, ODD
    return i, DONE
