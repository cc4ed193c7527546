"""The calibration error, by hand and against a loop over the bins."""

import numpy as np
import pytest

from trainer.evaluate.calibration import BINS, calibrate


def test_by_hand() -> None:
    found = calibrate(np.array([0.95, 0.97, 1.0, 0.5]), np.array([True, False, True, False]))
    gap = abs((0.95 + 0.97 + 1.0) / 3 - 2 / 3)
    assert found["expected_calibration_error"] == pytest.approx((3 * gap + 0.5) / 4)
    assert [(row["images"], row["accuracy"]) for row in found["bins"]] == [(1, 0.0), (3, pytest.approx(2 / 3))]


def test_sure_and_right_is_no_error() -> None:
    assert calibrate(np.ones(5), np.ones(5, dtype=bool))["expected_calibration_error"] == 0


def test_is_that_of_a_loop() -> None:
    draw = np.random.default_rng(0)
    confidences, right = draw.random(1_000), draw.random(1_000) < 0.6
    wanted = 0.0
    for number in range(BINS):
        own = (confidences > number / BINS) & (confidences <= (number + 1) / BINS)
        if own.any():
            wanted += own.mean() * abs(confidences[own].mean() - right[own].mean())
    found = calibrate(confidences, right)
    assert found["expected_calibration_error"] == pytest.approx(wanted)
    assert sum(row["images"] for row in found["bins"]) == 1_000
