"""How good scores are, by each data set's own measure (CLIP, table 9): scores and labels in, 0 to 1 out.

Shapes: N rows, K classes or labels.
"""

from collections.abc import Callable

import numpy as np

Measure = Callable[[np.ndarray, np.ndarray], float]
"""Of scores ``[N, K]`` and targets: class numbers ``[N]``, or marks of labels ``[N, K]``: 1, 0, -1 for difficult."""


def accuracy(scores_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """Return the share of rows whose class has the highest score, the first of equals."""
    return float((scores_NK.argmax(axis=1) == labels_N).mean())


def mean_per_class(scores_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """Return the mean over the classes that have rows of each one's accuracy."""
    is_right_N = scores_NK.argmax(axis=1) == labels_N
    rows_K = np.bincount(labels_N, minlength=scores_NK.shape[1])
    right_K = np.bincount(labels_N, weights=is_right_N, minlength=scores_NK.shape[1])
    return float((right_K[rows_K > 0] / rows_K[rows_K > 0]).mean())


def mean_of_top1_and_top5(scores_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """Return the mean of both accuracies, as Kinetics-700 has it; the first of equals is nearer."""
    order_N5 = np.argsort(-scores_NK, axis=1, kind="stable")[:, :5]
    is_own_N5 = order_N5 == labels_N[:, None]
    return float((is_own_N5[:, 0].mean() + is_own_N5.any(axis=1).mean()) / 2)


def roc_auc(scores_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """Return the chance that a row of class 1 scores above one of class 0, equals counting half.

    Raises ValueError unless there are two classes and rows of both.
    """
    if scores_NK.shape[1] != 2:
        raise ValueError(f"roc-auc is a measure of 2 classes, found {scores_NK.shape[1]}")
    is_one_N = labels_N == 1
    ones, zeros = int(is_one_N.sum()), int((~is_one_N).sum())
    if not ones or not zeros:
        raise ValueError(f"roc-auc needs rows of both classes, found {zeros} of the first and {ones} of the second")
    _, place_N, count = np.unique(scores_NK[:, 1] - scores_NK[:, 0], return_inverse=True, return_counts=True)
    rank_N = (np.cumsum(count) - (count - 1) / 2)[place_N]
    return float((rank_N[is_one_N].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def mean_11_point_precision(scores_NK: np.ndarray, holds_NK: np.ndarray) -> float:
    """Return the mean over labels of `eleven_point_precisions`.

    Class numbers ``[N]`` are taken as one label a row. Labels without rows do not count. Raises ValueError where no
    label has rows.
    """
    if holds_NK.ndim == 1:
        holds_NK = holds_NK[:, None] == np.arange(scores_NK.shape[1])
    found_K = eleven_point_precisions(scores_NK, holds_NK)
    if np.isnan(found_K).all():
        raise ValueError("11-point-map: no row has any label")
    return float(np.nanmean(found_K))


def eleven_point_precisions(scores_NK: np.ndarray, holds_NK: np.ndarray) -> np.ndarray:
    """Return of each label the mean of the best precision at recalls 0, 0.1 ... 1 and above (VOC2007, its section 4.2).

    Rows that are below 0 of a label, its difficult ones, do not count there; a label without rows is NaN. Rows of
    equal scores come in the order they have.
    """
    found_K = np.full(scores_NK.shape[1], np.nan)
    for label in np.flatnonzero((holds_NK > 0).any(axis=0)):
        is_known_N = holds_NK[:, label] >= 0
        found_K[label] = _eleven_points(scores_NK[is_known_N, label], holds_NK[is_known_N, label] > 0)
    return found_K


def _eleven_points(scores_N: np.ndarray, holds_N: np.ndarray) -> float:
    right_N = np.cumsum(holds_N[np.argsort(-scores_N, kind="stable")])
    precision_N = right_N / np.arange(1, len(right_N) + 1)
    best_N = np.maximum.accumulate(precision_N[::-1])[::-1]
    places = np.searchsorted(right_N * 10, np.arange(11) * right_N[-1])  # in whole numbers: 0.3 is no float
    return float(best_N[places].mean())


SEVERAL_LABELS = "11-point-map"
"""The one that rows with several labels have."""

MEASURES: dict[str, Measure] = {
    "accuracy": accuracy,
    "mean-per-class": mean_per_class,
    "top-1-and-5": mean_of_top1_and_top5,
    "11-point-map": mean_11_point_precision,
    "roc-auc": roc_auc,
}
