"""The matcher: which queries a text contains, by a hash table of all prefixes of all queries.

::

    queries: new, new york, york          text:  hotels in new york
    table:   h(new) -> query 0, longer        start at each word; follow the phrase only
             h(new york) -> query 1           while the table says a longer query begins so
             h(york) -> query 2

Memory: 13 bytes per slot, at most two slots per prefix and never less than half empty: 27 MB for 500,000 queries
with a million prefixes, plus 8 bytes per query. Prefixes are told apart by 64-bit hashes: two of a million
prefixes collide with probability 3e-8 (refused when the table is built), and one look-up of a phrase that is
no prefix is wrongly taken for one with 5e-14.
"""

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.match.tokenise import UNSURE_TEXT, join_hash, metaclip_words, normal_form_words, normalised_words
from schemas.buffers import one_chunk, string_buffers
from schemas.candidate import QUERY_IDS
from schemas.folding import folding_tables
from schemas.text import normal_form

MATCH_RULES = ("normalised", "metaclip")

_NORMALISED, _NORMAL_FORM, _METACLIP_TEXT, _METACLIP_QUERY = range(4)
_NO_QUERY = -1


@numba.njit(inline="always")
def _tokenise(rule, data, begin, end, classes, starts, folded, out):  # type: ignore[no-untyped-def]
    if rule == _NORMALISED:
        return normalised_words(data, begin, end, classes, starts, folded, out)
    if rule == _NORMAL_FORM:
        return normal_form_words(data, begin, end, out)
    return metaclip_words(data, begin, end, rule == _METACLIP_TEXT, out)


@numba.njit(inline="always")
def _find_slot(keys, key):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@numba.njit(cache=True)
def _count_words(rule, data, offsets, classes, starts, folded, out):  # type: ignore[no-untyped-def]
    total = 0
    for row in range(len(offsets) - 1):
        total += max(0, _tokenise(rule, data, offsets[row], offsets[row + 1], classes, starts, folded, out))
    return total


@numba.njit(cache=True)
def _build(rule, data, offsets, query_ids, classes, starts, folded, out, keys, first, longer, following):  # type: ignore[no-untyped-def]
    for row in range(len(offsets) - 1):
        count = _tokenise(rule, data, offsets[row], offsets[row + 1], classes, starts, folded, out)
        if count <= 0:
            continue
        state = np.uint64(0)
        for position in range(count):
            state = join_hash(state, out[position])
            if state == 0:
                state = np.uint64(1)
            slot = _find_slot(keys, state)
            if keys[slot] == 0:
                keys[slot] = state
                first[slot] = _NO_QUERY
            if position < count - 1:
                longer[slot] = 1
            else:
                following[query_ids[row]] = first[slot]
                first[slot] = query_ids[row]


@numba.njit(cache=True)
def _match(  # type: ignore[no-untyped-def]
    rule, data, offsets, classes, starts, folded, keys, first, longer, following, seen, words, out, counts, unsure
):
    """Fill counts[row] and the flat `out` with ascending query ids; return (rows done, ids written)."""
    written = 0
    for row in range(len(offsets) - 1):
        count = _tokenise(rule, data, offsets[row], offsets[row + 1], classes, starts, folded, words)
        begin = written
        if count == UNSURE_TEXT:
            unsure[row] = 1
            count = 0
        for start in range(count):
            state = np.uint64(0)
            for position in range(start, count):
                state = join_hash(state, words[position])
                if state == 0:
                    state = np.uint64(1)
                slot = _find_slot(keys, state)
                if keys[slot] == 0:
                    break
                query = first[slot]
                while query != _NO_QUERY:
                    if seen[query] != row:
                        seen[query] = row
                        if written == len(out):
                            return row, begin
                        out[written] = query
                        written += 1
                    query = following[query]
                if longer[slot] == 0:
                    break
        for i in range(begin + 1, written):  # insertion sort: a text has a handful of matches
            value = out[i]
            j = i - 1
            while j >= begin and out[j] > value:
                out[j + 1] = out[j]
                j -= 1
            out[j + 1] = value
        counts[row] = written - begin
    return len(offsets) - 1, written


class Matcher:
    """Matches texts against a query list by one rule. Build once per process; not thread-safe."""

    def __init__(self, query_texts: pa.ChunkedArray | pa.Array, query_ids: npt.NDArray[np.int32], rule: str) -> None:
        """Build the table of `query_texts` (rule ``normalised``: text; ``metaclip``: surface) with their ids."""
        if rule not in MATCH_RULES:
            raise ValueError(f"match rule must be one of {MATCH_RULES}, found {rule!r}")
        self._rule = _NORMALISED if rule == "normalised" else _METACLIP_TEXT
        build_rule = _NORMAL_FORM if rule == "normalised" else _METACLIP_QUERY
        self._folding = folding_tables() if rule == "normalised" else _NO_FOLDING
        data, offsets = string_buffers(query_texts)
        words = np.empty(_max_words(offsets), dtype=np.uint64)
        prefixes = _count_words(build_rule, data, offsets, *self._folding, words)
        slots = 1 << max(4, int(2 * prefixes).bit_length())
        self._keys = np.zeros(slots, dtype=np.uint64)
        self._first = np.full(slots, _NO_QUERY, dtype=np.int32)
        self._longer = np.zeros(slots, dtype=np.uint8)
        top = int(query_ids.max()) + 1 if len(query_ids) else 0
        self._following = np.full(top, _NO_QUERY, dtype=np.int32)
        self._seen = np.full(top, -1, dtype=np.int64)
        _build(
            build_rule, data, offsets, query_ids.astype(np.int32), *self._folding, words,
            self._keys, self._first, self._longer, self._following,
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Memory of the table, without the folding tables (9 MB, shared)."""
        return sum(a.nbytes for a in (self._keys, self._first, self._longer, self._following, self._seen))

    def match(self, texts: pa.ChunkedArray | pa.Array) -> pa.Array:
        """Return the matched query ids of each text: list<int32>, ascending, each once; a null text has none."""
        column = one_chunk(texts)
        counts, values, unsure = self._match_once(self._rule, column)
        if unsure.any():
            # The few texts that one character at a time cannot settle are folded by schemas.text first.
            rows = np.flatnonzero(unsure)
            folded = pa.array([normal_form(text) for text in column.take(pa.array(rows)).to_pylist()], pa.string())
            more_counts, more_values, _ = self._match_once(_NORMAL_FORM, folded)
            counts, values = _merged(counts, values, rows, more_counts, more_values)
        offsets = np.zeros(len(counts) + 1, dtype=np.int32)
        np.cumsum(counts, out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=QUERY_IDS)

    def _match_once(
        self, rule: int, column: pa.Array
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        data, offsets = string_buffers(column)
        num_rows = len(offsets) - 1
        counts = np.zeros(num_rows, dtype=np.int32)
        unsure = np.zeros(num_rows, dtype=np.uint8)
        words = np.empty(_max_words(offsets), dtype=np.uint64)
        pieces: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
        capacity = 1024 + 8 * num_rows
        row = 0
        while row < num_rows:
            out = np.empty(capacity, dtype=np.int32)
            self._seen[:] = -1
            done, written = _match(
                rule, data, offsets[row:], *self._folding, self._keys, self._first, self._longer,
                self._following, self._seen, words, out, counts[row:], unsure[row:],
            )  # fmt: skip
            pieces.append(out[:written])
            row += done
            capacity *= 2
        return counts, np.concatenate(pieces), unsure


_NO_FOLDING = (np.zeros(1, dtype=np.uint8), np.zeros(2, dtype=np.int32), np.zeros(1, dtype=np.int32))


def _max_words(offsets: npt.NDArray[np.int64]) -> int:
    """Return a bound on the words of one text: MetaCLIP's rule makes at most two per byte, and one more."""
    return 2 * int(np.diff(offsets).max(initial=0)) + 2


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
