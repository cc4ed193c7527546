"""Few-shot classifiers against plain ones, and where their curve crosses zero-shot."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from trainer.evaluate.probe.few_shot import (
    Point,
    crossing,
    few_shot,
    mean_curve,
    mean_scores,
    regression_scores,
    zero_shot_accuracy,
)

DRAW = torch.Generator().manual_seed(0)
MEANS = torch.randn(5, 8, generator=DRAW)


def rows(num: int) -> tuple[torch.Tensor, np.ndarray]:
    labels = np.arange(num) % 5
    return F.normalize(MEANS[labels] + 1.5 * torch.randn(num, 8, generator=DRAW), dim=1), labels


def test_scores_are_those_of_plain_classifiers() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn: pip install scikit-learn")
    examples, _ = rows(20)
    examples = examples.view(4, 5, 8).transpose(0, 1)
    test, _ = rows(50)
    means = np.stack([one.numpy().mean(axis=0) for one in examples])
    expected = test.numpy() @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    np.testing.assert_allclose(mean_scores(examples, test), expected, atol=1e-6)
    peer = linear_model.LogisticRegression(C=0.316, max_iter=1000, tol=1e-6).fit(
        examples.flatten(0, 1), np.repeat(np.arange(5), 4)
    )
    predicted = regression_scores(examples, test, 0.316).argmax(axis=1)
    assert (predicted == peer.predict(test)).mean() >= 0.98


def test_more_examples_are_better_and_draws_repeat() -> None:
    train, labels = rows(200)
    test, test_labels = rows(300)
    given = {"shots": (1, 16), "seeds": 2, "strength": 1.0}
    points = few_shot(train, labels, test, test_labels, **given)
    assert points == few_shot(train, labels, test, test_labels, **given)
    assert len(points) == 8
    for name in ("nearest-mean", "logistic-regression"):
        (few, below, _), (more, above, deviation) = mean_curve(points, name)
        assert (few, more) == (1, 16)
        assert above > below
        values = [p.accuracy for p in points if p.classifier == name and p.shots == 16]
        assert deviation == pytest.approx(np.std(values, ddof=1))


def test_classes_keep_their_numbers_where_some_have_no_examples() -> None:
    train, labels = rows(100)
    kept = labels != 1
    points = few_shot(train[kept], labels[kept], train[kept], labels[kept], shots=(20,), seeds=1, strength=10.0)
    assert min(point.accuracy for point in points) > 0.6


def test_too_few_examples_are_told() -> None:
    train, labels = rows(15)
    with pytest.raises(ValueError, match="class 0 has 3 examples, 4 were asked for"):
        few_shot(train, labels, train, labels, shots=(4,), seeds=1, strength=1.0)


def test_zero_shot_is_the_nearest_class() -> None:
    test, labels = rows(40)
    classes = F.normalize(MEANS, dim=1)
    expected = np.mean(
        [int(np.argmax([float(t @ c) for c in classes])) == n for t, n in zip(test, labels, strict=True)]
    )
    assert zero_shot_accuracy(test, labels, classes) == pytest.approx(expected)


def test_the_crossing_lies_on_the_line_over_the_logarithm_of_shots() -> None:
    curve = [(1, 0.2, 0.0), (4, 0.4, 0.0), (8, 0.5, 0.0)]
    assert crossing(curve, 0.3) == pytest.approx(2.0)
    assert crossing(curve, 0.5) == pytest.approx(8.0)
    assert crossing(curve, 0.1) == 1.0
    assert crossing(curve, 0.6) is None
    assert crossing([], 0.6) is None
    assert mean_curve([Point("nearest-mean", 2, 0, 0.5)], "nearest-mean") == [(2, 0.5, 0.0)]
