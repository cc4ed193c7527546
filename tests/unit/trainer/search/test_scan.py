"""The scan's kernels, each alone."""

import numpy as np

from trainer.search.scan import HALVES_TABLE, Best, merge, multiply


def test_multiply_is_exact_at_the_largest_numbers() -> None:
    codes = np.full((3, 512), -127, dtype=np.int8)
    queries = np.full((2, 512), 32_767, dtype=np.int16)
    queries[1] = np.arange(512) - 256
    products = np.empty((2, 3), dtype=np.int32)
    multiply(codes, queries, products)
    np.testing.assert_array_equal(products, queries.astype(np.int64) @ codes.astype(np.int64).T)


def test_the_table_has_every_half() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    np.testing.assert_array_equal(HALVES_TABLE[bits], bits.view(np.float16).astype(np.float32))


def test_merge_takes_the_lower_row_of_equal_scores_and_no_row_last() -> None:
    parts = [
        Best(np.array([[7, 8, -1]]), np.array([[0.5, 0.25, -np.inf]])),
        Best(np.array([[3, 1, -1]]), np.array([[0.5, 0.25, -np.inf]])),
    ]
    found = merge(parts)
    assert found.rows_Qk.tolist() == [[3, 7, 1]]
    assert found.scores_Qk.tolist() == [[0.5, 0.5, 0.25]]
