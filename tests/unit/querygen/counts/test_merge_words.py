"""Sums of sorted keys, and the order of counts."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from querygen.counts.sorted_lists import merge_sorted, sum_equal
from querygen.counts.word_order import order_by_count


def rows(table: pa.Table) -> list[tuple[str, str, int]]:
    return [(row["text"], row["surface"], row["count"]) for row in table.to_pylist()]


SORTED = st.lists(st.integers(0, 50), max_size=30).map(lambda values: np.array(sorted(values), np.uint64))


@given(SORTED, SORTED)
def test_merging_sums_equal_keys(left: np.ndarray, right: np.ndarray) -> None:
    sums = [sum_equal(keys, np.ones(len(keys), np.int64)) for keys in (left, right)]
    keys, counts = merge_sorted(*sums[0], *sums[1])
    wanted, wanted_counts = np.unique(np.concatenate([left, right]), return_counts=True)
    assert keys.tolist() == wanted.tolist()
    assert counts.tolist() == wanted_counts.tolist()


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.text(alphabet="ab\u0101\U0001f600", max_size=12)), max_size=30, unique=True
    )
)
def test_order_is_by_count_then_text(rows: list[tuple[int, str]]) -> None:
    order = order_by_count(
        np.array([row[0] for row in rows], np.int64), pa.array([row[1] for row in rows], pa.large_string())
    )
    assert [rows[i] for i in order] == sorted(rows, key=lambda row: (-row[0], row[1].encode()))
