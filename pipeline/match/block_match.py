"""Texts matched against the query table, a block of some hundred words at a time, compiled.

In: a column of texts and the table of the queries. Out: the query ids of each text, ascending, each once. A block goes
in steps, so that the reads of one step overlap:

    take words      hash all words of some texts
    look up         ask for their slots, then read them
    take pairs      test each pair of neighbours by one bit, ask for the slots of those that may be phrases
    collect         follow these, put down what words and phrases stand for
    put sorted      sort what was found in each text
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.match.query_table import LONGER, NO_QUERY, QUERY, SHARED, find, pair_bit, slot_of
from pipeline.match.sorted_ids import put_sorted
from pipeline.match.tokenise import UNSURE_TEXT, characters, metaclip_words, normalised_words, query_words
from pipeline.match.word_hash import join_hash, seeded
from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.lanes import NUMBER_LANES, prefetch

NORMALISED, QUERY_WORDS, METACLIP, SPACED_CHARACTERS, CHARACTERS = range(5)
"""How a text is cut: a rule of texts, or (`QUERY_WORDS`, `CHARACTERS`) of queries."""

BLOCK_WORDS = 256
"""Words per block: their slots, a cache line each, stay in a core's first cache."""


class Folding(NamedTuple):
    """`schemas.kernels.folding.folding_tables`."""

    classes: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int32]
    folded: npt.NDArray[np.int32]


class Texts(NamedTuple):
    """What is matched, and how it is cut into words."""

    rule: int
    data: npt.NDArray[np.uint8]
    """With `schemas.kernels.lanes.PADDING` behind the last text."""
    offsets: npt.NDArray[np.int64]
    seeds: npt.NDArray[np.uint64]
    """One per text, or none."""
    folding: Folding
    scratch: npt.NDArray[np.uint8]
    """Room for a folded word."""


class WorkSpace(NamedTuple):
    """Room for one block."""

    hashes: npt.NDArray[np.uint64]
    entries: npt.NDArray[np.uint64]
    """Of the words."""
    phrase_at: npt.NDArray[np.int64]
    phrase_key: npt.NDArray[np.uint64]
    """First word and hash of each pair that may begin a phrase."""
    ends: npt.NDArray[np.int64]
    """Where the words of each text end."""
    found_ends: npt.NDArray[np.int64]
    """Where what was found in each text ends."""


class Matches(NamedTuple):
    """What is filled in."""

    found: npt.NDArray[np.int32]
    """Ids of a block, not sorted."""
    values: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    """Ids, and how many of them each text has."""
    unsure: npt.NDArray[np.uint8]
    """1: the text must be folded by `schemas.text.normal_form` first."""


def work_space(max_words: int) -> WorkSpace:
    """Return room for texts of at most `max_words` words."""
    most = BLOCK_WORDS + max_words + 1
    return WorkSpace(
        hashes=np.empty(most, dtype=np.uint64),
        entries=np.empty(most, dtype=np.uint64),
        phrase_at=np.empty(most, dtype=np.int64),
        phrase_key=np.empty(most, dtype=np.uint64),
        ends=np.empty(BLOCK_WORDS, dtype=np.int64),
        found_ends=np.empty(BLOCK_WORDS, dtype=np.int64),
    )


@leaf
def query_hashes(rule, data, offsets, seeds, out, ends):
    """Hash the words (or characters) of each query; ``ends[row]`` is where its last one ends in `out`."""
    count = 0
    for row in range(len(ends)):
        begin = count
        if rule == CHARACTERS:
            count = characters(data, offsets[row], offsets[row + 1], False, out, count)
        else:
            count = query_words(data, offsets[row], offsets[row + 1], out, count)
        if len(seeds):
            for i in range(begin, count):
                out[i] = seeded(out[i], seeds[row])
        ends[row] = count


@inlined
def _tokenise(texts, row, out, count):
    rule, data, begin, end = texts.rule, texts.data, texts.offsets[row], texts.offsets[row + 1]
    if rule == NORMALISED:
        classes, starts, folded = texts.folding
        return normalised_words(data, begin, end, classes, starts, folded, texts.scratch, out, count)
    if rule == METACLIP:
        return metaclip_words(data, begin, end, out, count)
    if rule in (SPACED_CHARACTERS, CHARACTERS):
        return characters(data, begin, end, rule == SPACED_CHARACTERS, out, count)
    return query_words(data, begin, end, out, count) if end > begin else count


@leaf
def _take_words(texts, row, hashes, ends, unsure):
    """Hash the words of the texts from `row` on, a block of them; return (row behind them, words)."""
    first_row = row
    count = 0
    while row < len(texts.offsets) - 1 and count < BLOCK_WORDS and row - first_row < BLOCK_WORDS:
        begin = count
        count = _tokenise(texts, row, hashes, count)
        if count == UNSURE_TEXT:
            unsure[row] = 1
            count = begin
        if len(texts.seeds):
            for i in range(begin, count):
                hashes[i] = seeded(hashes[i], texts.seeds[row])
        ends[row - first_row] = count
        row += 1
    return row, count


@leaf
def _look_up(words, count, num_texts, work):
    """Fill in the entries of the block's words."""
    hashes, entries, ends = work.hashes, work.entries, work.ends
    for i in range(count):
        prefetch(words, slot_of(words, hashes[i]))
    for i in range(count):
        entries[i] = words[find(words, hashes[i]) + 1]
    for text in range(num_texts):  # a text's last word begins no phrase
        entries[max(ends[text] - 1, 0)] &= ~LONGER if ends[text] != 0 else ~np.uint64(0)


@leaf
def _take_pairs(table, count, work):
    """Fill in the pairs of words that may begin a phrase; one at `count` ends them."""
    hashes, entries, phrase_at, phrase_key = work.hashes, work.entries, work.phrase_at, work.phrase_key
    num_phrases = 0
    for i in range(count - 1):
        key = join_hash(hashes[i], hashes[i + 1])
        word, bit = pair_bit(table.pairs, key)
        phrase_at[num_phrases] = i
        phrase_key[num_phrases] = key
        num_phrases += np.int64((entries[i] & LONGER != 0) & (table.pairs[word] & bit != 0))  # type: ignore[assignment]
    for phrase in range(num_phrases):
        prefetch(table.phrases, slot_of(table.phrases, phrase_key[phrase]))
    phrase_at[num_phrases] = count


@inlined
def _add(entry, following, found, used, room):
    """Append the queries of `entry`; return how many are there then, or -1 when they do not fit `room`."""
    query = np.int64(entry & QUERY) - 1
    while query != NO_QUERY:
        if used >= room:
            return -1
        found[used] = query
        used += 1
        if entry & SHARED == 0:
            break
        query = following[query]
    return used


@inlined
def _follow(key, i, end, table, hashes, found, used, room):
    """Append the phrases that begin with the words up to `i`, whose hash is `key`; return as `_add` does."""
    while True:
        place = find(table.phrases, key)
        if table.phrases[place] == 0:
            return used
        entry = table.phrases[place + 1]
        if entry & QUERY != 0:
            used = _add(entry, table.following, found, used, room)
            if used < 0:
                return used
        i += 1
        if entry & LONGER == 0 or i >= end:
            return used
        key = join_hash(key, hashes[i])


@leaf
def _collect(table, num_texts, work, found):
    """Put down the queries of each text, in any order; return how many, or -1 when they do not fit `found`."""
    hashes, entries, phrase_at, phrase_key = work.hashes, work.entries, work.phrase_at, work.phrase_key
    room = len(found) - 2 * NUMBER_LANES
    begin = 0
    phrase = 0
    used = 0
    for text in range(num_texts):
        end = work.ends[text]
        if used + end - begin > room:
            return -1
        for i in range(begin, end):
            entry = entries[i]
            if entry & SHARED != 0:
                used = _add(entry, table.following, found, used, room - (end - i))
                if used < 0:
                    return -1
            else:
                found[used] = np.int64(entry & QUERY) - 1
                used += np.int64(entry & QUERY != 0)  # type: ignore[assignment]
        while phrase_at[phrase] < end:
            used = _follow(phrase_key[phrase], phrase_at[phrase] + 1, end, table, hashes, found, used, room)
            if used < 0:
                return -1
            phrase += 1
        work.found_ends[text] = used
        begin = end
    return used


@leaf
def _put_block(first_row, num_texts, work, matches, written):
    """Append what was found in each text to the values, sorted; return the new end."""
    begin = 0
    for text in range(num_texts):
        end = work.found_ends[text]
        first_written = written
        written = put_sorted(matches.found, begin, end, matches.values, written)
        matches.counts[first_row + text] = written - first_written
        begin = end
    return written


@leaf
def match_texts(texts, row, table, work, matches):
    """Fill in counts and values from `row` on, until all is done or the room ends; return (next row, ids written)."""
    written = 0
    while row < len(texts.offsets) - 1:
        first_row = row
        row, count = _take_words(texts, row, work.hashes, work.ends, matches.unsure)
        num_texts = row - first_row
        _look_up(table.words, count, num_texts, work)
        _take_pairs(table, count, work)
        used = _collect(table, num_texts, work, matches.found)
        if used < 0 or written + used + NUMBER_LANES > len(matches.values):
            return first_row, written
        written = _put_block(first_row, num_texts, work, matches, written)
    return row, written
