"""Effective robustness: the line of standard models is scipy's, and models on it have none."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import logit as scipys_logit
from scipy.stats import linregress

from trainer.evaluate.robustness.effective_robustness import fit_baseline, logit

REFERENCES = [0.55, 0.63, 0.7, 0.76, 0.81]
SHIFTED = [0.3, 0.4, 0.44, 0.55, 0.6]


def test_the_line_is_that_of_least_squares_through_the_logits() -> None:
    fit = fit_baseline(REFERENCES, SHIFTED)
    expected = linregress(scipys_logit(REFERENCES), scipys_logit(SHIFTED))
    assert (fit.slope, fit.intercept) == pytest.approx((expected.slope, expected.intercept))
    assert fit.r_squared == pytest.approx(expected.rvalue**2)
    assert fit.models == 5
    at = float(expit(expected.slope * scipys_logit(0.9) + expected.intercept))
    assert fit.expected(0.9) == pytest.approx(at)
    assert fit.effective_robustness(0.9, at + 0.1) == pytest.approx(0.1)
    np.testing.assert_allclose(logit(np.array(SHIFTED)), scipys_logit(SHIFTED))


def test_models_on_a_line_have_no_effective_robustness() -> None:
    shifted = expit(0.8 * scipys_logit(REFERENCES) - 0.7)
    fit = fit_baseline(REFERENCES, shifted.tolist())
    assert fit.r_squared == pytest.approx(1)
    assert [fit.effective_robustness(r, s) for r, s in zip(REFERENCES, shifted, strict=True)] == pytest.approx([0] * 5)


def test_the_ends_are_those_of_the_line() -> None:
    fit = fit_baseline(REFERENCES, SHIFTED)
    assert (fit.expected(0.0), fit.expected(1.0)) == (0.0, 1.0)
    flat = fit_baseline([0.2, 0.3, 0.4], [0.25] * 3)
    assert flat.expected(1.0) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("references", "shifted", "message"),
    [
        ([0.5, 0.6], [0.4, 0.5], "expected 3 models or more"),
        ([0.5, 0.6, 1.0], [0.4, 0.5, 0.6], "above 0 and below 1"),
        ([0.5, 0.5, 0.5], [0.4, 0.5, 0.6], "the same accuracy on the reference"),
    ],
    ids=["two", "whole", "equal"],
)
def test_what_cannot_be_fitted_is_told(references: list[float], shifted: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_baseline(references, shifted)
