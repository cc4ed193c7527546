"""Cosines: exact at any threshold, in any order of addition, and what float32 leaves open is decided in float64."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.similarity.cosine import at_least, cosines, features, lengths, margin, odd_rows
from tests.support.feature_folders import unit_rows


def drawn(seed: int, rows: int, width: int) -> np.ndarray:
    """Rows of which many are alike: few values, so cosines repeat."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 3, size=(rows, width))
    values[:, 0] = 1
    return unit_rows(values)


@given(seed=st.integers(0, 1_000), width=st.sampled_from([1, 3, 16, 130]))
def test_products_are_exact_whatever_the_order(seed: int, width: int) -> None:
    half = unit_rows(np.random.default_rng(seed).standard_normal((2, width)))
    wide = half.astype(np.float64)
    exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(*half, strict=True))
    order = np.random.default_rng(seed).permutation(width)
    assert Fraction(float(np.dot(wide[0][order], wide[1][order]))) == exact
    found = cosines(features(half), np.array([0]), features(half), np.array([1]))[0]
    assert found == float(exact) / (lengths(half)[0] * lengths(half)[1])


@given(seed=st.integers(0, 1_000), width=st.sampled_from([2, 5, 64]))
def test_a_threshold_that_is_a_cosine_itself_is_reached(seed: int, width: int) -> None:
    left, right = features(drawn(seed, 9, width)), features(drawn(seed + 1, 7, width))
    rows, others = np.divmod(np.arange(9 * 7), 7)
    exact = cosines(left, rows, right, others).reshape(9, 7)
    for threshold in exact.reshape(-1)[:20]:
        np.testing.assert_array_equal(at_least(left, right, threshold), exact >= threshold)


@pytest.mark.parametrize("width", [8, 512, 1_024])
def test_float32_is_off_by_less_than_the_margin(width: int) -> None:
    rows = features(unit_rows(np.random.default_rng(width).standard_normal((300, width)) + 1))
    exact = cosines(rows, *np.divmod(np.arange(300 * 300), 300)[:1], rows, np.arange(300 * 300) % 300)
    assert np.abs((rows.unit_NE @ rows.unit_NE.T).reshape(-1) - exact).max() < margin(width)


def test_rows_that_are_no_features_are_told() -> None:
    rows = np.array([[1, 0], [0.7, 0.7], [0, 0], [np.nan, 1], [np.inf, 0], [0.9, 0]], dtype=np.float16)
    assert odd_rows(lengths(rows)).tolist() == [False, False, True, True, True, True]
