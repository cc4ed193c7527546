"""Orders by compiled sorts against Python's, with many ties."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.ordering import grouped_rows, rows_by_image, rows_by_rank
from schemas.buffers import ID

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([0, 1, 2**63, 2**64 - 1]), st.integers(0, 2)),
    max_size=30,
)


@given(ROWS)
def test_rows_by_rank_and_by_image(rows: list[tuple[int, int, int, int]]) -> None:
    ids = [bytes([last, *bytes(14), 255 - number]) for number, (_, _, _, last) in enumerate(rows)]
    column = pa.chunked_array([pa.array(ids[:3], ID), pa.array(ids[3:], ID)])
    groups = np.array([row[0] for row in rows], dtype=np.int32)
    found = np.array([row[2] for row in rows], dtype=np.uint64)
    expected = sorted(range(len(rows)), key=lambda i: (rows[i][0], rows[i][2], ids[i]))
    assert rows_by_rank(groups, found, column).tolist() == expected
    images = np.array([row[:2] for row in rows], dtype=np.uint64).reshape(-1, 2)
    expected = sorted(range(len(rows)), key=lambda i: (rows[i][:2], rows[i][2], ids[i]))
    assert rows_by_image(images, found, column).tolist() == expected


@given(st.lists(st.integers(0, 5), max_size=30))
def test_grouping_keeps_the_order_within_a_group(groups: list[int]) -> None:
    order = np.arange(len(groups))[::-1].copy()
    expected = sorted(order.tolist(), key=lambda row: groups[row])
    assert grouped_rows(np.array(groups, dtype=np.int64), order).tolist() == expected
