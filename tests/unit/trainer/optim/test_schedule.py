"""Cosine after a linear warm-up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.optim.schedule import learning_rate


def test_schedule_at_its_corners() -> None:
    def rate(samples: int) -> float:
        return learning_rate(samples, peak=1.0, warmup_samples=100, total_samples=1100)

    assert rate(0) == 0.0
    assert rate(50) == pytest.approx(0.5)
    assert rate(100) == pytest.approx(1.0)
    assert rate(600) == pytest.approx(0.5)
    assert rate(1100) == pytest.approx(0.0)
    assert rate(2000) == pytest.approx(0.0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_rate_is_between_zero_and_peak(samples: int, warmup: int, total: int) -> None:
    assert 0 <= learning_rate(samples, peak=0.3, warmup_samples=warmup, total_samples=total) <= 0.3
