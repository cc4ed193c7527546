"""Sums of counts: the same however the counts are cut and bundled, and never in a table larger than an element."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance import counts
from pipeline.balance.counts import bincount, counts_table, cut_by_range, dense, sum_counts
from pipeline.balance.steps.sums import AddCounts, WriteSum, has_sums, nothing, read_sums
from pipeline.shuffle.elements import MAX_ELEMENT_BYTES
from schemas.storage import Folder

NUM_QUERIES = 9
TABLES = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=NUM_QUERIES, max_size=NUM_QUERIES), max_size=6
)


def table_of(rows: list[tuple[int, int]]) -> pa.Table:
    kept, selected = np.array(rows, dtype=np.int64).T
    return counts_table("query_id", kept=kept, selected=selected)


@given(TABLES, st.integers(1, 10), st.integers(0, 12), st.randoms(use_true_random=False))
def test_sums_by_range_are_the_sums(
    bundles: list[list[tuple[int, int]]], range_queries: int, waiting: int, shuffler: random.Random
) -> None:
    expected = np.array(bundles, dtype=np.int64).reshape(-1, NUM_QUERIES, 2).sum(axis=0)
    add = AddCounts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "RANGE_QUERIES", range_queries)
        patch.setattr(counts, "WAITING_ROWS", waiting)
        patch.setattr("pipeline.balance.steps.sums.WAITING_ROWS", waiting)
        accumulators: dict[int, list[pa.Table]] = {}
        for bundle in bundles:
            pieces = list(cut_by_range(table_of(bundle)))
            assert pieces[0][0] == 0
            for number, piece in pieces:
                found = accumulators.setdefault(number, [])
                if not found or shuffler.random() < 0.3:
                    found.append(add.create_accumulator())
                which = shuffler.randrange(len(found))
                found[which] = add.add_input(found[which], piece)
        sums = [
            add.extract_output(add.merge_accumulators([add.compact(each) for each in found]))
            for _, found in sorted(accumulators.items())
        ]
        together = sum_counts(sums)
    for place, name in enumerate(("kept", "selected")):
        assert dense(together, name, NUM_QUERIES).tolist() == expected[:, place].tolist()
    for number, summed in zip(sorted(accumulators), sums, strict=True):
        assert {query // range_queries for query in summed["query_id"].to_pylist()} <= {number}


def test_tables_of_a_long_list_are_no_larger_than_elements() -> None:
    ones = np.ones(1_000_000, dtype=np.int64)
    table = counts_table("query_id", kept=ones, selected=ones)
    assert table.nbytes > 4 * MAX_ELEMENT_BYTES
    pieces = [piece for _, piece in cut_by_range(table)]
    assert pa.concat_tables(pieces).equals(table)
    add = AddCounts()
    for piece in (pieces[0], pieces[-1]):
        accumulator = add.create_accumulator()
        for _ in range(20):
            accumulator = add.add_input(accumulator, piece)
        assert max(piece.nbytes, add.compact(accumulator).nbytes) <= MAX_ELEMENT_BYTES
        assert add.compact(accumulator)["kept"].unique().to_pylist() == [20]


def test_what_is_counted_by_keeps_its_name(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    add = AddCounts()
    table = counts_table("match", lower=np.array([0, 4, 0, 2]))
    summed = add.add_input(add.add_input(add.create_accumulator(), table), table)
    list(WriteSum(folder.url, "work/a", "test", nothing).process((0, add.extract_output(summed))))
    found = read_sums(folder, "work/a")
    assert found.to_pydict() == {"match": [1, 3], "lower": [8, 4]}
    assert dense(found, "lower", 5).tolist() == [0, 8, 0, 4, 0]


def test_sums_are_read_as_they_were_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert not has_sums(folder, "work/a")
    assert len(read_sums(folder, "work/a")) == 0
    first, second = table_of([(1, 2), (0, 0), (3, 4)]), table_of([(0, 0), (5, 0), (0, 0)])
    for number, table in ((1, second), (0, first)):
        assert list(WriteSum(folder.url, "work/a", "test", nothing).process((number, table))) == [number]
    assert has_sums(folder, "work/a")
    found = read_sums(folder, "work/a")
    assert dense(found, "kept", 3).tolist() == [1, 5, 3]
    assert dense(found, "missing", 3).tolist() == [0, 0, 0]


def test_an_id_that_is_no_query_is_refused() -> None:
    assert bincount(pa.array([2, 0, 2], pa.int32()), 3).tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match="query ids must be below 2, found 2; are these its candidates"):
        bincount(pa.array([2, 0, 2], pa.int32()), 2)
