"""Pairs whose images come to, or go from, a finished shards folder, by query: what was fetched is counted anew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import list_array
from schemas.buffers import one_chunk
from schemas.candidate import QUERY_COUNTS
from schemas.checked import check_indices
from schemas.shards_folder import is_counted_in
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table, write_table
from schemas.tables_dir import QUERY_COUNTS_NAME, tables_path

Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True)
class CountedPairs:
    """The query_ids of pairs of one plan whose image is in the shards, each as often as a pair has it."""

    plan: int
    query_ids: Int32s
    pairs: int


def count_pairs(plan: int, tables: Sequence[pa.Table]) -> CountedPairs:
    """Return what the rows of `tables` count, which have a list of query_ids a pair."""
    found = [list_array(one_chunk(table["query_ids"])).flatten() for table in tables if len(table)]
    flat = (list_array(of_pairs).flatten().to_numpy() for of_pairs in found)
    return CountedPairs(plan, joined(flat), sum(map(len, found)))


def joined(query_ids: Iterable[Int32s]) -> Int32s:
    """Return all in one array."""
    return np.concatenate([np.zeros(0, dtype=np.int32), *query_ids])


def counted_before(pairs: Iterable[CountedPairs], first: int) -> list[CountedPairs]:
    """Return those that ``fetched`` counts in a round whose first plan is `first`."""
    return [found for found in pairs if is_counted_in(found.plan, first)]


def stage_fetched(
    folder: Folder, staged: Folder, name: str, record: FileRecord, pairs: Sequence[CountedPairs], first: int, sign: int
) -> FileRecord:
    """Stage the query counts with more (`sign` 1) or fewer (-1) fetched pairs, of the plans before `first`."""
    table = read_table(folder, name, QUERY_COUNTS, record=record)
    found = joined(found.query_ids for found in counted_before(pairs, first))
    check_indices(pa.array(found), len(table), folder.path(name), "query ids", "are these the counts of these shards?")
    return stage_counts(staged, table, sign, fetched=found)


def stage_counts(staged: Folder, table: pa.Table, sign: int, **changed: Int32s) -> FileRecord:
    """Stage query counts, each column of `changed` more or less by the queries named, as often as they are."""
    for column, queries in changed.items():
        counts = table[column].to_numpy() + sign * np.bincount(queries, minlength=len(table))
        field = QUERY_COUNTS.field(column)
        table = table.set_column(table.schema.get_field_index(column), field, pa.array(np.maximum(counts, 0)))
    return write_table(staged, tables_path(QUERY_COUNTS_NAME), table, QUERY_COUNTS)
