"""Accuracies by hand."""

import numpy as np

from trainer.evaluate.classify import nearest_classes, score


def test_scores_by_hand() -> None:
    cosines = np.array([[3, 2, 1, 0, 0, 0], [1, 2, 3, 4, 5, 0], [0, 0, 0, 0, 0, 1.0], [9, 8, 7, 6, 5, 4]])
    results = score(nearest_classes(cosines), np.array([0, 0, 5, 5]), list("abcdef"))
    assert results["top1"] == 0.5
    assert results["top5"] == 0.75
    assert results["per_class"] == {"a": 0.5, "f": 0.5}
    assert results["mean_per_class"] == 0.5
