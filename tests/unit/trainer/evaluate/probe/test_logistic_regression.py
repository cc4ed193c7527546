"""Logistic regression: scikit-learn's objective and minimum, for classes, two classes and labels; several C at once."""

import numpy as np
import pytest
import torch

from trainer.evaluate.probe.link import Sigmoid, Softmax
from trainer.evaluate.probe.logistic_regression import Regression

linear_model = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn: pip install scikit-learn")

TIGHT = {"tolerance": 1e-10, "max_iterations": 1000}
STRENGTHS = [1e-3, 0.1, 1.0, 10.0]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def made(num: int, classes: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of unequal spread, off the origin, of classes that overlap."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(classes, size=num)
    spread = np.geomspace(3, 0.05, 12)
    means = draw.standard_normal((classes, 12)) * 0.5
    return (means[labels] + draw.standard_normal((num, 12))) * spread + draw.standard_normal(12), labels


def peer(features: np.ndarray, labels: np.ndarray, strength: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Return scikit-learn's objective, recomputed by its definition, with its coefficients and intercepts."""
    fitted = linear_model.LogisticRegression(C=strength, tol=1e-10, max_iter=20_000).fit(features, labels)
    scores = features @ fitted.coef_.T + fitted.intercept_
    if scores.shape[1] == 1:
        losses = np.logaddexp(0, scores[:, 0]) - labels * scores[:, 0]
    else:
        losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(labels)), labels]
    return strength * losses.sum() + 0.5 * (fitted.coef_**2).sum(), fitted.coef_, fitted.intercept_


@pytest.mark.parametrize("classes", [2, 5])
def test_the_minimum_is_scikit_learns(classes: int) -> None:
    features, labels = made(400, classes)
    link = Softmax(torch.from_numpy(labels), classes)
    if classes == 2:
        link = Sigmoid(torch.from_numpy(labels)[:, None].double())
    ours = Regression(torch.from_numpy(features), link).fit(STRENGTHS, **TIGHT)
    assert ours.is_converged == [True] * len(STRENGTHS)
    scores = ours.scores(torch.from_numpy(features)).numpy()
    for number, strength in enumerate(STRENGTHS):
        objective, weights, intercepts = peer(features, labels, strength)
        assert ours.objectives[number] == pytest.approx(objective, rel=1e-6 / 2, abs=0)
        theirs = features @ weights.T + intercepts
        centred = scores[number] - (scores[number] - theirs).mean(axis=1, keepdims=True) * (classes > 2)
        np.testing.assert_allclose(centred, theirs, atol=2e-4)
        np.testing.assert_allclose(ours.weights_PDK[number].T, weights, atol=2e-4)
        assert (scores[number].argmax(axis=1) == theirs.argmax(axis=1)).all()


def test_each_label_alone_is_a_regression_of_two_classes() -> None:
    features, labels = made(300, 4)
    holds = np.stack([labels == 1, labels >= 2, labels % 2 == 0], axis=1)
    together = Regression(torch.from_numpy(features), Sigmoid(torch.from_numpy(holds).double())).fit([0.7], **TIGHT)
    alone = [peer(features, holds[:, label].astype(int), 0.7) for label in range(3)]
    assert together.objectives[0] == pytest.approx(sum(objective for objective, _, _ in alone), rel=1e-6 / 2)
    np.testing.assert_allclose(together.weights_PDK[0].T, np.concatenate([w for _, w, _ in alone]), atol=2e-4)


def test_float32_ends_within_its_precision_of_the_minimum_and_is_the_same_each_time() -> None:
    features, labels = made(400, 5)
    exact = Regression(torch.from_numpy(features), Softmax(torch.from_numpy(labels), 5)).fit(STRENGTHS, **TIGHT)
    single = Regression(torch.from_numpy(features).float(), Softmax(torch.from_numpy(labels), 5))
    found, again = (single.fit(STRENGTHS, tolerance=1e-5) for _ in range(2))
    assert found.is_converged == [True] * len(STRENGTHS)
    np.testing.assert_allclose(found.objectives, exact.objectives, rtol=1e-4)
    assert torch.equal(found.weights_PDK, again.weights_PDK)


def test_where_it_begins_and_what_is_solved_beside_change_nothing() -> None:
    features, labels = made(300, 3)
    regression = Regression(torch.from_numpy(features), Softmax(torch.from_numpy(labels), 3))
    together = regression.fit(STRENGTHS, **TIGHT)
    start = None
    for number, strength in enumerate(STRENGTHS):
        start = regression.fit([strength], start, **TIGHT)
        assert start.objectives[0] == pytest.approx(together.objectives[number], rel=1e-9)
        torch.testing.assert_close(start.weights_PDK[0], together.weights_PDK[number], atol=1e-5, rtol=0)


def test_begun_at_the_minimum_nothing_is_left_to_do() -> None:
    features, labels = made(300, 3)
    regression = Regression(torch.from_numpy(features), Softmax(torch.from_numpy(labels), 3))
    found = regression.fit([1.0], **TIGHT)
    assert regression.fit([1.0], found, tolerance=2e-8).iterations == [0]


def test_the_end_does_not_depend_on_the_features_scale() -> None:
    features, labels = made(300, 3)
    link = Softmax(torch.from_numpy(labels), 3)
    large, small = (Regression(torch.from_numpy(features) * by, link) for by in (1.0, 1e-3))
    found, other = large.fit([1.0], tolerance=1e-3), small.fit([1e6], tolerance=1e-3)
    assert found.iterations == other.iterations
    torch.testing.assert_close(found.weights_PDK, other.weights_PDK * 1e-3)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = made(700, 3)
    regression = Regression(torch.from_numpy(features), Softmax(torch.from_numpy(labels), 3))
    whole = regression.fit([1.0], **TIGHT)
    monkeypatch.setattr("trainer.evaluate.probe.logistic_regression.CHUNK_BYTES", 1)
    assert len(regression.chunks(torch.zeros(700, 1, 3))) == 3
    assert regression.fit([1.0], **TIGHT).objectives[0] == pytest.approx(whole.objectives[0], rel=1e-12)


def test_features_that_never_change_and_separable_classes_are_no_trouble() -> None:
    features, labels = made(200, 3)
    features[:, 3] = 7.0
    features[np.arange(200), 9 + labels] += 40
    found = Regression(torch.from_numpy(features), Softmax(torch.from_numpy(labels), 3)).fit([1e6], tolerance=1e-6)
    assert found.is_converged == [True]
    assert (found.scores(torch.from_numpy(features))[0].argmax(dim=1).numpy() == labels).all()
    assert np.abs(found.weights_PDK[0, 3]).max() < 1e-6


def test_too_few_iterations_are_told() -> None:
    features, labels = made(300, 3)
    found = Regression(torch.from_numpy(features), Softmax(torch.from_numpy(labels), 3)).fit(
        [1e-4, 100.0], tolerance=1e-3, max_iterations=5
    )
    assert found.is_converged == [True, False]
    assert found.iterations == [5, 5]
