"""Learning rates by samples: a warm-up, then a cosine, a constant, or a constant that cools down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.optim.schedule import ScheduleName, find_cooldown, learning_rate
from trainer.options.optim import OptimOptions


def test_cosine_at_its_corners() -> None:
    def rate(samples: int, final: float = 0.0) -> float:
        return learning_rate(samples, peak=1.0, warmup_samples=100, total_samples=1100, final=final)

    assert rate(0) == 0.0
    assert rate(50) == pytest.approx(0.5)
    assert rate(100) == pytest.approx(1.0)
    assert rate(600) == pytest.approx(0.5)
    assert rate(1100) == pytest.approx(0.0)
    assert rate(2000) == pytest.approx(0.0)
    assert rate(50, final=0.2) == pytest.approx(0.5)
    assert rate(600, final=0.2) == pytest.approx(0.6)
    assert rate(1100, final=0.2) == pytest.approx(0.2)


def test_a_constant_stays() -> None:
    rates = [
        learning_rate(samples, peak=0.3, warmup_samples=10, total_samples=100, schedule="constant")
        for samples in (5, 10, 60, 100, 500)
    ]
    assert rates == pytest.approx([0.15, 0.3, 0.3, 0.3, 0.3])


@pytest.mark.parametrize(("final", "wanted"), [(0.0, [0.5, 1, 1, 0.75, 0.0, 0.0]), (0.2, [0.5, 1, 1, 0.8, 0.2, 0.2])])
def test_a_cooldown_is_a_line_at_the_end(final: float, wanted: list[float]) -> None:
    rates = [
        learning_rate(
            samples, peak=1.0, warmup_samples=100, total_samples=1000, schedule="constant-cooldown",
            cooldown_samples=400, final=final,
        )
        for samples in (50, 100, 600, 700, 1000, 1500)
    ]  # fmt: skip
    assert rates == pytest.approx(wanted)


def test_a_cooldown_that_meets_the_warmup_begins_at_its_end() -> None:
    rates = [
        learning_rate(
            samples, peak=1.0, warmup_samples=500, total_samples=1000, schedule="constant-cooldown",
            cooldown_samples=900,
        )
        for samples in (250, 500, 750, 1000)
    ]  # fmt: skip
    assert rates == pytest.approx([0.5, 1.0, 0.5, 0.0])


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6),
    st.sampled_from(["cosine", "constant", "constant-cooldown"]),
)  # fmt: skip
def test_rate_is_between_zero_and_peak(
    samples: int, warmup: int, total: int, cooldown: int, schedule: ScheduleName
) -> None:
    rate = learning_rate(
        samples, peak=0.3, warmup_samples=warmup, total_samples=total, schedule=schedule,
        cooldown_samples=min(cooldown, total),
    )  # fmt: skip
    assert 0 <= rate <= 0.3


def test_the_cooldown_is_said_in_samples_or_epochs_or_is_a_fifth() -> None:
    def found(**options: float) -> int:
        return find_cooldown(
            OptimOptions(schedule="constant-cooldown", **options), num_samples=1000, total_samples=5000
        )

    assert found() == 1000
    assert found(cooldown_samples=70) == 70
    assert found(cooldown_epochs=0.5) == 500
    assert find_cooldown(OptimOptions(), num_samples=1000, total_samples=5000) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [({"cooldown_samples": 5001}, "cooldown_samples .* 5,001"), ({"cooldown_epochs": 6.0}, "cooldown_epochs .* 6,000")],
)
def test_a_cooldown_longer_than_the_run_is_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=f"{told} samples; give fewer, or a longer run"):
        find_cooldown(OptimOptions(schedule="constant-cooldown", **options), num_samples=1000, total_samples=5000)
