"""The matcher: which queries a text contains, by a hash table of all prefixes of all queries.

In: query texts and ids once, then columns of texts. Out: the ids found in each text, ascending, each once; all
overlapping queries count.

With 500,000 queries of real text the table takes 24 MB and is built in a tenth of a second, once per process.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.match.block_match import (
    CHARACTERS,
    METACLIP,
    NORMALISED,
    QUERY_WORDS,
    SPACED_CHARACTERS,
    Folding,
    Matches,
    Texts,
    match_texts,
    query_hashes,
    work_space,
)
from pipeline.match.query_table import QueryTable, query_table
from pipeline.match.tokenise import SCRATCH_BYTES
from schemas.arrow_types import values_of
from schemas.buffers import one_chunk, string_buffers
from schemas.candidate import QUERY_IDS
from schemas.kernels.folding import folding_tables
from schemas.kernels.lanes import PADDING
from schemas.text import normal_form

MATCH_RULES = ("normalised", "metaclip", "characters")
"""``normalised``: whole words of the normal form; ``metaclip``: MetaCLIP's words; ``characters``: any run of the
characters of MetaCLIP's spaced text, for queries that ask for no space on some side (`pipeline.match.open_sides`)."""

_TEXT_RULES = {"normalised": NORMALISED, "metaclip": METACLIP, "characters": SPACED_CHARACTERS}
_QUERY_RULES = {"normalised": QUERY_WORDS, "metaclip": QUERY_WORDS, "characters": CHARACTERS}

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
        self._folding = Folding(*folding_tables()) if rule == "normalised" else _NO_FOLDING
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
            more_counts, more_values, _ = self._match_once(QUERY_WORDS, folded, seeds[rows] if len(seeds) else seeds)
            counts, values = _merged(counts, values, rows, more_counts, more_values)
        offsets = np.zeros(len(counts) + 1, dtype=np.int32)
        np.cumsum(counts, out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.int32()), type=QUERY_IDS)

    def _match_once(
        self, rule: int, column: pa.Array, seeds: npt.NDArray[np.uint64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        raw, offsets = string_buffers(column)
        num_rows = len(offsets) - 1
        texts = Texts(
            rule=rule, data=_padded(raw, offsets[0], offsets[-1]), offsets=offsets - offsets[0], seeds=seeds,
            folding=self._folding, scratch=self._scratch,
        )  # fmt: skip
        work = work_space(_max_words(offsets))
        counts = np.zeros(num_rows, dtype=np.int32)
        unsure = np.zeros(num_rows, dtype=np.uint8)
        pieces: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
        capacity = 1024 + 12 * num_rows
        row = 0
        while row < num_rows:
            found, values = np.empty(capacity, dtype=np.int32), np.empty(capacity, dtype=np.int32)
            matches = Matches(found=found, values=values, counts=counts, unsure=unsure)
            row, written = match_texts(texts, row, self._table, work, matches)
            pieces.append(values[:written])
            capacity *= 2
        return counts, np.concatenate(pieces), unsure


_NO_FOLDING = Folding(np.zeros(1, dtype=np.uint8), np.zeros(2, dtype=np.int32), np.zeros(1, dtype=np.int32))


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
    most = len(data) if rule == CHARACTERS else int(np.count_nonzero(data == 32)) + len(ids)
    words = np.empty(most, dtype=np.uint64)
    ends = np.empty(len(ids), dtype=np.int64)
    query_hashes(rule, data, offsets - offsets[0], seeds, words, ends)
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
