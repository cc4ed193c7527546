"""The search for C: the paper's steps, the least of equals, the same as fitting each alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from trainer.evaluate.probe.link import Softmax
from trainer.evaluate.probe.logistic_regression import Classifiers, Regression
from trainer.evaluate.probe.strength_search import find_strength, strength


class Known:
    """In place of a regression: classifiers whose weight is the logarithm of their C."""

    def fit(self, strengths: list[float], start: Classifiers | None, **_: object) -> Classifiers:
        weights = torch.tensor([[[float(np.log10(c))]] for c in strengths])
        num = len(strengths)
        return Classifiers(weights, torch.zeros(num, 1), [0.0] * num, [1] * num, [True] * num)


def searched(value: Callable[[float], float], columns: int) -> tuple[float, list[float]]:
    found = find_strength(Known(), lambda scores: value(float(scores[0, 0])), torch.ones(1, 1), columns)  # type: ignore[arg-type]
    return found.strength, [c for c, _ in found.tried]


@pytest.mark.parametrize("columns", [1, 100])
def test_a_peak_anywhere_is_found_with_an_eighth_of_a_decade(columns: int) -> None:
    for peak in (-6.0, -5.875, -0.5, 0.0, 1.125, 5.75, 6.0):
        found, tried = searched(lambda power, peak=peak: -abs(power - peak), columns)
        assert found == pytest.approx(10**peak)
        assert len(tried) <= 15
        assert all(any(c == pytest.approx(10.0**power) for c in tried) for power in range(-6, 7, 2))
        assert tried == sorted(tried)


def test_of_equals_the_least_is_taken() -> None:
    assert searched(lambda power: min(power, 2.0), 1)[0] == pytest.approx(100)
    assert searched(lambda power: 0.0, 1)[0] == pytest.approx(1e-6)


def test_on_rows_it_finds_what_fitting_each_alone_finds() -> None:
    torch.set_num_threads(1)
    draw = np.random.default_rng(0)
    labels = np.arange(160) % 4
    features = torch.from_numpy(0.5 * (draw.standard_normal((4, 10))[labels]) + draw.standard_normal((160, 10)))
    targets = torch.from_numpy(labels)
    regression = Regression(features[:100], Softmax(targets[:100], 4))

    def measure(scores: torch.Tensor) -> float:
        return float((scores.argmax(dim=1) == targets[100:]).double().mean())

    found = find_strength(regression, measure, features[100:], 4, tolerance=1e-7)
    alone = [measure(regression.fit([c], tolerance=1e-7).scores(features[100:])[0]) for c, _ in found.tried]
    assert [value for _, value in found.tried] == alone
    assert found.strength == min(c for c, value in found.tried if value == max(alone))
    assert strength(0) == 1.0
    assert strength(-48) == pytest.approx(1e-6)
