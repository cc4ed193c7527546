"""Classifiers of a few examples a class: embeddings in, accuracies by shots and seeds out; where they pass zero-shot.

Shapes: N examples, M test rows, K classes, E embedding; embeddings have length one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

from trainer.evaluate.probe.linear_probe import class_link, class_scores
from trainer.evaluate.probe.logistic_regression import Regression
from trainer.evaluate.probe.measures import accuracy
from trainer.evaluate.probe.splits import few_of_each

Classifier = Literal["nearest-mean", "logistic-regression"]
CLASSIFIERS: tuple[Classifier, ...] = ("nearest-mean", "logistic-regression")


@dataclass(frozen=True)
class Point:
    """A classifier of one draw of examples."""

    classifier: Classifier
    shots: int
    seed: int
    accuracy: float


def few_shot(
    train_NE: torch.Tensor,
    labels_N: np.ndarray,
    test_ME: torch.Tensor,
    test_labels_M: np.ndarray,
    *,
    shots: Sequence[int],
    seeds: int,
    strength: float,
) -> list[Point]:
    """Return each classifier's accuracy for each number of examples and seed; more shots are drawn beside the fewer.

    Classes without examples are never predicted. Raises ValueError where a class has fewer examples than shots.
    """
    classes_K = np.unique(labels_N)
    points = []
    for seed in range(seeds):
        chosen_KS = few_of_each(labels_N, max(shots), seed)
        for num in shots:
            examples_KSE = train_NE[torch.from_numpy(chosen_KS[:, :num])]
            scores = {
                "nearest-mean": mean_scores(examples_KSE, test_ME),
                "logistic-regression": regression_scores(examples_KSE, test_ME, strength),
            }
            for classifier in CLASSIFIERS:
                predicted_M = classes_K[scores[classifier].argmax(axis=1)]
                points.append(Point(classifier, num, seed, float((predicted_M == test_labels_M).mean())))
    return points


def mean_scores(examples_KSE: torch.Tensor, test_ME: torch.Tensor) -> np.ndarray:
    """Return ``[M, K]`` cosines with the mean of each class's embeddings."""
    return (test_ME @ F.normalize(examples_KSE.mean(dim=1), dim=-1).T).cpu().numpy()


def regression_scores(examples_KSE: torch.Tensor, test_ME: torch.Tensor, strength: float) -> np.ndarray:
    """Return ``[M, K]`` scores of logistic regression on the examples."""
    classes, num, _ = examples_KSE.shape
    labels = torch.arange(classes, device=examples_KSE.device).repeat_interleave(num)
    rows = examples_KSE.flatten(0, 1)
    fitted = Regression(rows, class_link(labels, classes, rows.dtype)).fit([strength])
    return class_scores(fitted.scores(test_ME)[0])


def zero_shot_accuracy(test_ME: torch.Tensor, labels_M: np.ndarray, classes_KE: torch.Tensor) -> float:
    """Return the accuracy of the nearest class by its prompts."""
    return accuracy((test_ME @ classes_KE.T).cpu().numpy(), labels_M)


def mean_curve(points: Sequence[Point], classifier: Classifier) -> list[tuple[int, float, float]]:
    """Return (shots, mean, standard deviation over the seeds), ascending; of one seed the deviation is 0."""
    shots = sorted({point.shots for point in points if point.classifier == classifier})
    found = []
    for num in shots:
        values = [p.accuracy for p in points if p.classifier == classifier and p.shots == num]
        found.append((num, float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0))
    return found


def crossing(curve: Sequence[tuple[int, float, float]], zero_shot: float) -> float | None:
    """Return at how many examples a class the curve reaches zero-shot, None where it does not.

    Between two numbers of shots it is a line over the logarithm of shots; at the first number it is that number.
    """
    if curve and curve[0][1] >= zero_shot:
        return float(curve[0][0])
    for (few, below, _), (more, above, _) in pairwise(curve):
        if below < zero_shot <= above:
            return float(few * (more / few) ** ((zero_shot - below) / (above - below)))
    return None
