"""Codes: what they leave out is bounded by what they say, and no sum leaves int32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.search.codes import CODE_LEVELS, encode_queries, encode_rows


@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=4, max_size=4), min_size=1, max_size=20))
def test_what_codes_leave_out_is_within_their_bound(rows: list[list[float]]) -> None:
    stored = np.array(rows, dtype=np.float32)
    codes = encode_rows(stored, "rows")
    lengths = np.sqrt((stored.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    unit = np.divide(stored, lengths, out=np.zeros(stored.shape), where=lengths > 0)
    left_out = unit - codes.scales_N[:, None].astype(np.float64) * codes.codes_NE
    assert (np.sqrt((left_out**2).sum(axis=1)) <= codes.left_out_N).all()
    assert (codes.left_out_N < 0.02).all()


def test_a_row_that_is_not_finite_is_named() -> None:
    rows = np.ones((5, 3), dtype=np.float32)
    rows[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"features.parquet, row 103"):
        encode_rows(rows, "features.parquet", first=100)


@pytest.mark.parametrize("width", [1, 512, 1024, 65_536])
def test_no_sum_of_products_leaves_int32(width: int) -> None:
    queries = encode_queries(np.ones((1, width)), is_wide=False)
    largest = int(np.abs(queries.codes_QE.astype(np.int64)).sum()) * CODE_LEVELS
    assert largest < 2**31
    assert queries.codes_QE.max() > 0
