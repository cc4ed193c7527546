"""Measures: scikit-learn's where it has them, the definitions where not."""

import numpy as np
import pytest

from trainer.evaluate.probe.measures import (
    MEASURES,
    accuracy,
    mean_11_point_precision,
    mean_of_top1_and_top5,
    mean_per_class,
    roc_auc,
)

metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn: pip install scikit-learn")

DRAW = np.random.default_rng(0)
LABELS = DRAW.integers(6, size=200)
SCORES = DRAW.standard_normal((200, 7)).round(1) + 0.8 * (LABELS[:, None] == np.arange(7))


def test_accuracies_are_scikit_learns() -> None:
    predicted = SCORES.argmax(axis=1)
    assert accuracy(SCORES, LABELS) == pytest.approx(metrics.accuracy_score(LABELS, predicted))
    recalls = metrics.recall_score(LABELS, predicted, labels=np.arange(6), average="macro")
    assert mean_per_class(SCORES, LABELS) == pytest.approx(recalls)
    distinct = SCORES + 1e-6 * DRAW.standard_normal(SCORES.shape)
    both = [metrics.top_k_accuracy_score(LABELS, distinct, k=k, labels=np.arange(7)) for k in (1, 5)]
    assert mean_of_top1_and_top5(distinct, LABELS) == pytest.approx(np.mean(both))


def test_the_area_under_the_curve_is_scikit_learns_with_equal_scores() -> None:
    labels = (LABELS > 2).astype(int)
    scores = np.stack([SCORES[:, 0], SCORES[:, 1] + labels], axis=1).round()
    expected = metrics.roc_auc_score(labels, scores[:, 1] - scores[:, 0])
    assert roc_auc(scores, labels) == pytest.approx(expected, abs=1e-12)


def test_eleven_points_are_read_as_defined() -> None:
    holds = DRAW.random((80, 3)) < 0.3
    scores = DRAW.standard_normal((80, 3)) + holds
    expected = []
    for label in range(3):
        precision, recall, _ = metrics.precision_recall_curve(holds[:, label], scores[:, label])
        expected.append(np.mean([max(precision[:-1][recall[:-1] >= at / 10 - 1e-9]) for at in range(11)]))
    assert mean_11_point_precision(scores, holds) == pytest.approx(np.mean(expected), abs=1e-12)


def test_class_numbers_are_one_label_a_row_and_labels_without_rows_do_not_count() -> None:
    holds = LABELS[:, None] == np.arange(7)
    assert mean_11_point_precision(SCORES, LABELS) == mean_11_point_precision(SCORES, holds)
    assert mean_11_point_precision(SCORES, LABELS) == mean_11_point_precision(SCORES[:, :6], LABELS)


@pytest.mark.parametrize(
    ("name", "scores", "labels", "message"),
    [
        pytest.param("roc-auc", SCORES, LABELS, "measure of 2 classes, found 7", id="classes"),
        pytest.param(
            "roc-auc", SCORES[:, :2], LABELS * 0, "found 200 of the first and 0 of the second", id="one class"
        ),
        pytest.param("11-point-map", SCORES, np.zeros((200, 7), dtype=bool), "no row has any label", id="no label"),
    ],
)
def test_what_cannot_be_measured_is_told(name: str, scores: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MEASURES[name](scores, labels)
