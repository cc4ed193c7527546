"""The end of a descent at rounding: in a few steps where C N is far below one, with the minimum of float64."""

import numpy as np
import pytest
import torch

from trainer.evaluate.probe.link import Softmax
from trainer.evaluate.probe.logistic_regression import Regression
from trainer.evaluate.probe.rounding import PATIENCE, Rounding


def test_it_ends_when_a_gradient_of_rounding_falls_no_longer() -> None:
    found = Rounding(1e-7)
    for largest in (1.0, 2.0, 1e-3, 2e-3):  # larger ones above the floor are the descent's way
        found.tell(largest)
        assert found.is_kept
    for largest in (1e-6, 9e-7):
        found.tell(largest)
        assert found.is_kept
    for step in range(PATIENCE):
        assert not found.is_end
        found.tell(1e-3 if step % 2 else 9e-7)
        assert not found.is_kept
    assert found.is_end
    found.tell(1e-8)
    assert found.is_kept
    assert not found.is_end


def test_far_above_rounding_it_never_ends() -> None:
    found = Rounding(1e-16)
    for _ in range(5 * PATIENCE):
        found.tell(1e-6)
    assert not found.is_end
    assert found.is_kept


@pytest.mark.parametrize(("num", "width", "gap"), [(48, 16, 3.0), (120, 6, 1.5)], ids=["separable", "overlapping"])
def test_small_strengths_end_in_a_few_steps_at_the_minimum_of_float64(num: int, width: int, gap: float) -> None:
    draw = np.random.default_rng(0)
    labels = torch.arange(num) % 3
    features = torch.eye(width, dtype=torch.float64)[labels] * gap + torch.from_numpy(
        draw.standard_normal((num, width))
    )
    strengths = [1e-6, 1.3e-6, 1e-5, 1e-4]
    single, double = (Regression(features.to(kind), Softmax(labels, 3)) for kind in (torch.float32, torch.float64))
    found, exact = single.fit(strengths), double.fit(strengths, tolerance=1e-9)
    assert found.is_converged == exact.is_converged == [True] * len(strengths)
    assert max(found.iterations) < 50
    np.testing.assert_allclose(found.objectives, exact.objectives, rtol=1e-5)
    for ours, theirs in zip(found.weights_PDK, exact.weights_PDK, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=1e-4 * float(theirs.abs().max()))
