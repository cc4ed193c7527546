"""The matcher: which queries a text contains, by a hash table of all prefixes of all queries.

Texts are taken in blocks of some hundred words, in steps, so that the reads of one step overlap: hash all words and ask
for their slots; read the slots and test each pair of neighbours by one bit; follow the pairs that may be phrases.
All overlapping queries count, each once per text.

With 500,000 queries of real text the table takes 24 MB and is built in a tenth of a second, once per process.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.match.query_table import LONGER, NO_QUERY, QUERY, SHARED, QueryTable, find, pair_bit, query_table, slot_of
from pipeline.match.sorted_ids import put_sorted
from pipeline.match.tokenise import (
    SCRATCH_BYTES,
    UNSURE_TEXT,
    characters,
    join_hash,
    metaclip_words,
    normalised_words,
    query_words,
    seeded,
)
from schemas.arrow_types import values_of
from schemas.buffers import one_chunk, string_buffers
from schemas.candidate import QUERY_IDS
from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.folding import folding_tables
from schemas.kernels.lanes import NUMBER_LANES, PADDING, prefetch
from schemas.text import normal_form

MATCH_RULES = ("normalised", "metaclip", "characters")
"""``normalised``: whole words of the normal form; ``metaclip``: MetaCLIP's words; ``characters``: any run of the
characters of MetaCLIP's spaced text, for queries that ask for no space on some side (`pipeline.match.open_sides`)."""

_NORMALISED, _QUERY, _METACLIP, _SPACED_CHARACTERS, _CHARACTERS = range(5)
_TEXT_RULES = {"normalised": _NORMALISED, "metaclip": _METACLIP, "characters": _SPACED_CHARACTERS}
_QUERY_RULES = {"normalised": _QUERY, "metaclip": _QUERY, "characters": _CHARACTERS}

_BLOCK_WORDS = 256
"""Words per block: their slots, a cache line each, stay in a core's first cache."""


@inlined
def _tokenise(rule, data, begin, end, classes, starts, folded, scratch, out, count):
    if rule == _NORMALISED:
        return normalised_words(data, begin, end, classes, starts, folded, scratch, out, count)
    if rule == _METACLIP:
        return metaclip_words(data, begin, end, out, count)
    if rule in (_SPACED_CHARACTERS, _CHARACTERS):
        return characters(data, begin, end, rule == _SPACED_CHARACTERS, out, count)
    return query_words(data, begin, end, out, count) if end > begin else count


@leaf
def _query_hashes(rule, data, offsets, seeds, out, ends):
    count = 0
    for row in range(len(ends)):
        begin = count
        if rule == _CHARACTERS:
            count = characters(data, offsets[row], offsets[row + 1], False, out, count)
        else:
            count = query_words(data, offsets[row], offsets[row + 1], out, count)
        if len(seeds):
            for i in range(begin, count):
                out[i] = seeded(out[i], seeds[row])
        ends[row] = count


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


@leaf
def _match(
    rule, data, offsets, seeds, classes, starts, folded, words, phrases, pairs, following, scratch,
    hashes, entries, phrase_at, phrase_key, ends, found_ends, found, out, counts, unsure,
):  # fmt: skip
    """Fill counts[row] and the flat `out` with ascending query ids; return (rows done, ids written)."""
    written = 0
    row = 0
    num_rows = len(offsets) - 1
    room = len(found) - 2 * NUMBER_LANES
    while row < num_rows:
        first_row = row
        count = 0
        while row < num_rows and count < _BLOCK_WORDS and row - first_row < _BLOCK_WORDS:
            begin = count
            count = _tokenise(
                rule, data, offsets[row], offsets[row + 1], classes, starts, folded, scratch, hashes, count
            )
            if count == UNSURE_TEXT:
                unsure[row] = 1
                count = begin
            if len(seeds):
                for i in range(begin, count):
                    hashes[i] = seeded(hashes[i], seeds[row])
            ends[row - first_row] = count
            row += 1
        for i in range(count):
            prefetch(words, slot_of(words, hashes[i]))
        for i in range(count):
            place = find(words, hashes[i])
            entries[i] = words[place + 1]
        for block_row in range(row - first_row):  # a text's last word begins no phrase
            entries[max(ends[block_row] - 1, 0)] &= ~LONGER if ends[block_row] != 0 else ~np.uint64(0)
        num_phrases = 0
        for i in range(count - 1):
            key = join_hash(hashes[i], hashes[i + 1])
            word, bit = pair_bit(pairs, key)
            phrase_at[num_phrases] = i
            phrase_key[num_phrases] = key
            num_phrases += np.int64((entries[i] & LONGER != 0) & (pairs[word] & bit != 0))  # type: ignore[assignment]
        for phrase in range(num_phrases):
            prefetch(phrases, slot_of(phrases, phrase_key[phrase]))
        phrase_at[num_phrases] = count
        begin = 0
        phrase = 0
        used = 0
        for block_row in range(row - first_row):
            end = ends[block_row]
            if used + end - begin > room:
                return first_row, written
            for i in range(begin, end):
                entry = entries[i]
                if entry & SHARED != 0:
                    used = _add(entry, following, found, used, room - (end - i))
                    if used < 0:
                        return first_row, written
                else:
                    found[used] = np.int64(entry & QUERY) - 1
                    used += np.int64(entry & QUERY != 0)  # type: ignore[assignment]
            while phrase_at[phrase] < end:
                key = phrase_key[phrase]
                i = phrase_at[phrase] + 1
                phrase += 1
                while True:
                    place = find(phrases, key)
                    if phrases[place] == 0:
                        break
                    entry = phrases[place + 1]
                    if entry & QUERY != 0:
                        used = _add(entry, following, found, used, room)
                        if used < 0:
                            return first_row, written
                    i += 1
                    if entry & LONGER == 0 or i >= end:
                        break
                    key = join_hash(key, hashes[i])
            found_ends[block_row] = used
            begin = end
        if written + used + NUMBER_LANES > len(out):
            return first_row, written
        begin = 0
        for block_row in range(row - first_row):
            end = found_ends[block_row]
            first_written = written
            written = put_sorted(found, begin, end, out, written)
            counts[first_row + block_row] = written - first_written
            begin = end
    return num_rows, written


NO_SEEDS = np.zeros(0, dtype=np.uint64)


class Matcher:
    """Matches texts against a query list by one rule. Build once per process; not thread-safe."""

    def __init__(
        self,
        query_texts: pa.ChunkedArray | pa.Array,
        query_ids: npt.NDArray[np.int32],
        rule: str,
        seeds: npt.NDArray[np.uint64] = NO_SEEDS,
    ) -> None:
        """Build the table of `query_texts` (rule ``normalised``: text; others: surface) with their ids.

        With `seeds`, one per query, a query is found only in texts of the same seed.
        """
        if rule not in MATCH_RULES:
            raise ValueError(f"match rule must be one of {MATCH_RULES}, found {rule!r}")
        self._rule = _TEXT_RULES[rule]
        self._folding = folding_tables() if rule == "normalised" else _NO_FOLDING
        ids = query_ids.astype(np.int32)
        self._table = _table_of(query_texts, ids, _QUERY_RULES[rule], seeds, keep_empty=rule == "metaclip")
        self._scratch = np.empty(SCRATCH_BYTES, dtype=np.uint8)

    @property
    def nbytes(self) -> int:
        """Memory of the table, without the folding tables (9 MB, shared)."""
        return self._table.nbytes

    def match(self, texts: pa.ChunkedArray | pa.Array, seeds: npt.NDArray[np.uint64] = NO_SEEDS) -> pa.ListArray:
        """Return the matched query ids of each text: list<int32>, ascending, each once; a null text has none.

        `seeds`: one per text, or none where the queries have none.
        """
        column = one_chunk(texts)
        counts, values, unsure = self._match_once(self._rule, column, seeds)
        if unsure.any():
            # The few texts that one character at a time cannot settle are folded by schemas.text first.
            rows = np.flatnonzero(unsure)
            folded = pa.array([normal_form(text) for text in values_of(column.take(pa.array(rows)))], pa.string())
            more_counts, more_values, _ = self._match_once(_QUERY, folded, seeds[rows] if len(seeds) else seeds)
            counts, values = _merged(counts, values, rows, more_counts, more_values)
        offsets = np.zeros(len(counts) + 1, dtype=np.int32)
        np.cumsum(counts, out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.int32()), type=QUERY_IDS)

    def _match_once(
        self, rule: int, column: pa.Array, seeds: npt.NDArray[np.uint64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        raw, offsets = string_buffers(column)
        num_rows = len(offsets) - 1
        data = _padded(raw, offsets[0], offsets[-1])
        offsets = offsets - offsets[0]
        counts = np.zeros(num_rows, dtype=np.int32)
        unsure = np.zeros(num_rows, dtype=np.uint8)
        most = _BLOCK_WORDS + _max_words(offsets)
        work = [np.empty(most + 1, dtype=kind) for kind in (np.uint64, np.uint64, np.int64, np.uint64)]
        ends, found_ends = np.empty((2, _BLOCK_WORDS), dtype=np.int64)
        pieces: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
        capacity = 1024 + 12 * num_rows
        row = 0
        table = self._table
        while row < num_rows:
            out, found = np.empty(capacity, dtype=np.int32), np.empty(capacity, dtype=np.int32)
            done, written = _match(
                rule, data, offsets[row:], seeds[row:], *self._folding, table.words, table.phrases, table.pairs,
                table.following, self._scratch, *work, ends, found_ends, found, out, counts[row:], unsure[row:],
            )  # fmt: skip
            pieces.append(out[:written])
            row += done
            capacity *= 2
        return counts, np.concatenate(pieces), unsure


_NO_FOLDING = (np.zeros(1, dtype=np.uint8), np.zeros(2, dtype=np.int32), np.zeros(1, dtype=np.int32))


def _table_of(
    texts: pa.ChunkedArray | pa.Array,
    ids: npt.NDArray[np.int32],
    rule: int,
    seeds: npt.NDArray[np.uint64],
    keep_empty: bool,
) -> QueryTable:
    raw, offsets = string_buffers(texts)
    if not keep_empty:
        full = np.diff(offsets) > 0
        ids, seeds = ids[full], seeds[full] if len(seeds) else seeds
        offsets = np.concatenate([offsets[:1], offsets[1:][full]])
    data = _padded(raw, offsets[0], offsets[-1])
    most = len(data) if rule == _CHARACTERS else int(np.count_nonzero(data == 32)) + len(ids)
    words = np.empty(most, dtype=np.uint64)
    ends = np.empty(len(ids), dtype=np.int64)
    _query_hashes(rule, data, offsets - offsets[0], seeds, words, ends)
    return query_table(words[: ends[-1] if len(ends) else 0], ends, ids)


def _padded(data: npt.NDArray[np.uint8], begin: int, end: int) -> npt.NDArray[np.uint8]:
    """Return a copy of ``data[begin:end]`` with zeros behind, as the loads of `schemas.kernels.lanes` ask."""
    out = np.zeros(end - begin + PADDING, dtype=np.uint8)
    out[: end - begin] = data[begin:end]
    return out


def _max_words(offsets: npt.NDArray[np.int64]) -> int:
    """Return a bound on the words of one text: MetaCLIP's spacing makes three characters of one, and two outer."""
    longest: int = np.diff(offsets).max(initial=0)
    return 3 * int(longest) + 4


def _merged(
    counts: npt.NDArray[np.int32],
    values: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int64],
    more_counts: npt.NDArray[np.int32],
    more_values: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Put the lists of `rows`, so far empty, in their places."""
    places = np.repeat(np.cumsum(counts)[rows], more_counts)
    merged_counts = counts.copy()
    merged_counts[rows] = more_counts
    return merged_counts, np.insert(values, places, more_values)
