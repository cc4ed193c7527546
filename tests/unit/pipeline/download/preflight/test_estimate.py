"""Shares with their uncertainty, against tabled values; rates that the last slow ones do not spoil."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.preflight.estimate import quantile, steady_rate, wilson_interval


@pytest.mark.parametrize(
    ("successes", "num", "expected"),
    [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (5, 10, (0.2366, 0.7634)), (124, 200, (0.5511, 0.6844))],
)
def test_the_interval_is_wilsons(successes: int, num: int, expected: tuple[float, float]) -> None:
    """Figures of Wilson's formula, 95 %, worked out by hand (the first: 3.8415 / 13.8415)."""
    assert wilson_interval(successes, num) == pytest.approx(expected, abs=2e-4)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_holds_the_share_and_lies_in_0_to_1(successes: int, more: int) -> None:
    low, high = wilson_interval(successes, successes + more)
    assert 0 <= low <= high <= 1
    if successes + more:
        assert low <= successes / (successes + more) <= high


def test_the_rate_is_that_of_most() -> None:
    assert steady_rate([]) == 0
    assert steady_rate([0.1 * (1 + place) for place in range(90)] + [100.0] * 10) == pytest.approx(10)


def test_quantiles() -> None:
    assert quantile([], 0.5) == 0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0], 1.0) == 2.0
