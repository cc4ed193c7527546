"""Effective robustness: how much better a model is on a shifted test set than its accuracy on the reference foretells.

What it foretells is a line through standard models in the space of logits (Taori et al. 2020, arXiv 2007.00644, section
2 and appendix): accuracy on the shifted set is sigmoid(slope x logit(accuracy on the reference) + intercept).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_MODELS = 3
"""Two always lie on a line."""


@dataclass(frozen=True)
class BaselineFit:
    """The line of standard models for one shifted test set."""

    slope: float
    intercept: float
    models: int
    r_squared: float
    """Of the line, in the space of logits; 1 where the models do not differ."""

    def expected(self, reference: float) -> float:
        """Return the accuracy on the shifted set that a standard model of this accuracy has."""
        if reference in (0.0, 1.0):  # the ends of the line, whatever its intercept
            return float((reference == 1.0) == (self.slope > 0)) if self.slope else _sigmoid(self.intercept)
        return _sigmoid(self.slope * float(logit(reference)) + self.intercept)

    def effective_robustness(self, reference: float, shifted: float) -> float:
        """Return the accuracy above what was expected."""
        return shifted - self.expected(reference)


def logit(accuracy: float | np.ndarray) -> np.ndarray:
    """Return log(a / (1 - a)) of accuracies between 0 and 1, the ends left out."""
    accuracies = np.asarray(accuracy, dtype=np.float64)
    return np.log(accuracies) - np.log1p(-accuracies)


def fit_baseline(references: Sequence[float], shifted: Sequence[float]) -> BaselineFit:
    """Return the line of least squares through the models' logits.

    Raises ValueError for fewer than three models, for accuracies of 0 or 1, and where all references are equal.
    """
    if len(references) < MIN_MODELS:
        raise ValueError(f"expected {MIN_MODELS} models or more to fit, found {len(references)}")
    both = np.array([references, shifted], dtype=np.float64)
    if not ((both > 0) & (both < 1)).all():
        raise ValueError("expected accuracies above 0 and below 1: these ends have no logit")
    x_N, y_N = logit(both)
    spread = float(((x_N - x_N.mean()) ** 2).sum())
    if spread < 1e-12:
        raise ValueError("all models have the same accuracy on the reference; no line can be fitted")
    slope = float(((x_N - x_N.mean()) * (y_N - y_N.mean())).sum()) / spread
    intercept = float(y_N.mean() - slope * x_N.mean())
    total = float(((y_N - y_N.mean()) ** 2).sum())
    left = float(((y_N - slope * x_N - intercept) ** 2).sum())
    return BaselineFit(slope, intercept, len(references), 1 - left / total if total > 0 else 1.0)


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
