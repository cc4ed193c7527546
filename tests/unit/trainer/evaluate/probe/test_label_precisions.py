"""A probe of several labels: scikit-learn's regressions and the measure by its definition, and the whole command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.support.small_model import CLASSES, write_pictures, write_small_model
from trainer.evaluate.probe.config import ProbeConfig
from trainer.evaluate.probe.label_precisions import check_labels, label_rows, worst_line
from trainer.evaluate.probe.linear_probe import class_link, linear_probe
from trainer.evaluate.probe.logistic_regression import Regression

NAMES = ["bird", "cat", "dog"]


def made(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features ``[num, 6]`` and marks ``[num, 3]``, about a tenth difficult."""
    draw = np.random.default_rng(seed)
    features = draw.standard_normal((num, 6))
    marks = (features[:, :3] + 0.5 * draw.standard_normal((num, 3)) > 0.6).astype(np.int8)
    marks[draw.random((num, 3)) < 0.1] = -1
    return features, marks


@pytest.mark.parametrize("difficult", [False, True])
def test_probabilities_are_those_of_a_regression_a_label(difficult: bool) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn: pip install scikit-learn")
    multiclass = pytest.importorskip("sklearn.multiclass", reason="needs scikit-learn: pip install scikit-learn")
    (train, marks), (test, _) = made(150, 0), made(60, 1)
    if not difficult:
        marks = np.maximum(marks, 0)
    rows = torch.from_numpy(train)
    link = class_link(torch.from_numpy(marks), 3, torch.float64)
    found = Regression(rows, link).fit([0.7], tolerance=1e-10).scores(torch.from_numpy(test))[0].sigmoid().numpy()
    peer = linear_model.LogisticRegression(C=0.7, max_iter=10_000, tol=1e-10)
    if difficult:
        known = marks >= 0
        fits = [peer.fit(train[known[:, k]], marks[known[:, k], k]).predict_proba(test)[:, 1] for k in range(3)]
        expected = np.stack(fits, axis=1)
    else:
        expected = multiclass.OneVsRestClassifier(peer).fit(train, marks).predict_proba(test)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_precisions_are_those_of_the_definition_without_difficult_rows() -> None:
    scores, marks = made(80, 2)
    marks = np.concatenate([marks, np.full((80, 1), -1, dtype=np.int8)], axis=1)
    rows = label_rows(np.concatenate([scores[:, :3], scores[:, 3:4]], axis=1), marks, [*NAMES, "cow"])
    for label, row in enumerate(rows[:3]):
        ranked = [mark for _, mark in sorted(zip(-scores[:, label], marks[:, label], strict=True)) if mark >= 0]
        points = [(sum(ranked[:n]) / sum(ranked), sum(ranked[:n]) / n) for n in range(1, len(ranked) + 1)]
        best = [max(precision for recall, precision in points if recall >= at / 10 - 1e-9) for at in range(11)]
        assert row["11-point-ap"] == pytest.approx(np.mean(best), abs=1e-12)
    assert (rows[3]["images"], rows[3]["difficult"], rows[3]["11-point-ap"]) == (0, 80, None)
    least = min(rows[:3], key=lambda row: row["11-point-ap"])
    assert worst_line(rows).startswith(f"worst labels (test images): {least['label']} ")
    assert worst_line(rows).endswith("; 1 without test images")


def test_a_label_needs_images_with_and_without_it() -> None:
    with pytest.raises(ValueError, match="label 'cat' and without it, found 2 and 0 that are not for validation"):
        check_labels(np.array([[1, 1, 0], [0, 1, 1], [0, -1, 1]], dtype=np.int8), NAMES, "--train: x")


def write_features(root: Path, name: str, num: int, seed: int, **changed: Any) -> str:
    features, marks = made(num, seed)
    lists = {
        "label": [[name for name, mark in zip(NAMES, row, strict=True) if mark == 1] for row in marks],
        "difficult": [[name for name, mark in zip(NAMES, row, strict=True) if mark == -1] for row in marks],
    }
    values = pa.FixedSizeListArray.from_arrays(pa.array(features.astype(np.float32).ravel()), 6)
    pq.write_table(pa.table({**lists, **changed, "features": values}), root / f"{name}.parquet")
    return str(root / f"{name}.parquet")


def test_features_of_files_are_probed_for_each_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ProbeConfig(
        train=write_features(tmp_path, "train", 150, 0), test=write_features(tmp_path, "test", 90, 1),
        measure="11-point-map", max_iterations=50, output=str(tmp_path / "out"), threads=1,
    )  # fmt: skip
    results = linear_probe(config)
    assert results["test"] == pytest.approx(np.mean([row["11-point-ap"] for row in results["labels"]]))
    assert results["test"] > 0.7
    assert [row["label"] for row in results["labels"]] == NAMES
    assert [row["difficult"] for row in results["labels"]] == (made(90, 1)[1] < 0).sum(axis=0).tolist()
    assert "3 labels, 6 dimensions" in (told := capsys.readouterr().out)
    assert "worst labels (test images): " in told
    assert json.loads((tmp_path / "out" / "results.json").read_text())["labels"] == results["labels"]
    assert (tmp_path / "out" / "labels.csv").read_text().startswith("label,images,difficult,11-point-ap\nbird,")
    assert linear_probe(config) == results


def test_pictures_of_a_list_with_a_separator(tmp_path: Path) -> None:
    lists = {}
    for name, numbers in (("train", range(32)), ("test", range(32, 48))):
        root = Path(write_pictures(tmp_path / name, numbers))
        paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
        lines = [f"{path},{path.split('/')[0]}|{'warm' if path[0] in 'ry' else 'cold'}" for path in paths]
        (root / "list.csv").write_text("\n".join(["path,label", *lines]) + "\n")
        lists[name] = str(root / "list.csv")
    given = {**lists, "checkpoint": write_small_model(tmp_path), "max_iterations": 50, "threads": 1}
    results = linear_probe(ProbeConfig(**given, label_separator="|", measure="11-point-map"))
    assert len(results["labels"]) == len(CLASSES) + 2
    assert results["test"] > 0.95  # pictures of four colours
    assert sum(results["rows"].values()) == 48


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measure": "accuracy"}, "--measure: accuracy needs one label an image"),
        ({"measure": "roc-auc"}, "--measure: roc-auc needs one label an image"),
        ({"test": "one"}, "--test: .*one.parquet has one label an image, --train has several labels"),
        ({"test": "other"}, "--test: .*label 'cow' of row 0 is none of the 3 labels known"),
        ({"test": "train"}, "--test: .* is also --train: a measure on training examples is none"),
        ({"test": "copy"}, "--test: 90 examples of .*copy.parquet are also in --train"),
    ],
    ids=["accuracy", "roc-auc", "one label", "unknown", "same file", "same rows"],
)
def test_what_cannot_be_probed_is_told(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_features(tmp_path, "train", 90, 0)
    write_features(tmp_path, "test", 20, 1)
    write_features(tmp_path, "copy", 90, 0)
    write_features(tmp_path, "one", 20, 1, label=["cat"] * 20)
    write_features(tmp_path, "other", 20, 1, label=[["cow"]] * 20)
    given = {"train": "train", "test": "test", "measure": "11-point-map", **change}
    paths = {name: str(tmp_path / f"{given[name]}.parquet") for name in ("train", "test")}
    with pytest.raises(ValueError, match=message):
        linear_probe(ProbeConfig(**{**given, **paths}, threads=1))
