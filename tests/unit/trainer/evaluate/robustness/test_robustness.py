"""Test sets of the same classes: accuracies among the classes of each, and the whole command."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.small_model import write_names, write_pictures, write_small_model
from trainer.evaluate.embedded.labelled_features import LabelledFeatures
from trainer.evaluate.robustness.config import RobustnessConfig
from trainer.evaluate.robustness.effective_robustness import fit_baseline
from trainer.evaluate.robustness.robustness import accuracy_among, compare, robustness

CLASSES = torch.eye(3)


def features(rows: list[list[float]], labels: list[int]) -> LabelledFeatures:
    return LabelledFeatures(torch.tensor(rows), np.array(labels), 0, "")


def test_images_are_told_apart_by_the_classes_of_the_shifted_set_alone() -> None:
    reference = features([[0.9, 0.1, 0], [0.1, 0.2, 0.9], [0, 0.3, 0.1], [0, 0, 1]], [0, 1, 1, 2])
    shifted = features([[0.1, 0.4, 0.9], [0.2, 0.1, 0]], [1, 0])
    assert accuracy_among(reference, CLASSES, np.arange(3)) == pytest.approx(3 / 4)
    fit = fit_baseline([0.5, 0.6, 0.7], [0.3, 0.4, 0.5])
    found = compare("odd", reference, shifted, CLASSES, fit)
    assert (found.classes, found.images, found.shifted, found.reference) == (2, 2, 1.0, 1.0)
    assert found.effective_robustness == pytest.approx(0.0)
    assert compare("odd", reference, shifted, CLASSES, None).expected is None


def test_a_reference_without_the_classes_is_told() -> None:
    with pytest.raises(ValueError, match="no image of the classes"):
        accuracy_among(features([[1.0, 0, 0]], [0]), CLASSES, np.array([1]))


def test_table_and_plots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, templates = write_names(tmp_path / "names")
    (tmp_path / "baseline.csv").write_text(
        "dataset,reference,shifted\n" + "".join(f"sketch,{0.5 + 0.1 * n},{0.3 + 0.1 * n}\n" for n in range(4))
    )
    given = {
        "checkpoint": write_small_model(tmp_path), "classes": classes, "templates": templates, "threads": 1,
        "reference": write_pictures(tmp_path / "val", range(16)),
    }  # fmt: skip
    sketch = write_pictures(tmp_path / "sketch", range(16, 24))
    config = RobustnessConfig(
        **given, shifted=(sketch,), baseline=str(tmp_path / "baseline.csv"), output=str(tmp_path / "out")
    )
    results = robustness(config)
    (row,) = results["datasets"]
    assert row["effective_robustness"] == pytest.approx(row["shifted"] - row["expected"])
    assert (tmp_path / "out" / "robustness-sketch.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "robustness.csv").read_text().startswith("dataset,classes,images,shifted,reference")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("reference ")
    assert second.startswith("sketch: ")
    assert "effective robustness" in second
    with pytest.raises(ValueError, match="two test sets are called 'sketch'"):
        robustness(RobustnessConfig(**given, shifted=(sketch, sketch)))
    with pytest.raises(ValueError, match=r"has no models of dataset 'val'; it has sketch"):
        robustness(RobustnessConfig(**given, shifted=(given["reference"],), baseline=str(tmp_path / "baseline.csv")))
