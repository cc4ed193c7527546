"""The linear probe: the protocol on made rows, and the whole command on pictures and on features."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.support.small_model import write_pictures, write_small_model
from trainer.evaluate.probe.config import ProbeConfig
from trainer.evaluate.probe.linear_probe import Rows, class_scores, linear_probe, probe
from trainer.evaluate.probe.measures import accuracy, roc_auc


def rows(num: int, classes: int, seed: int) -> Rows:
    draw = np.random.default_rng(seed)
    labels = np.arange(num) % classes
    features = np.eye(6)[labels] * 1.5 + draw.standard_normal((num, 6))
    return Rows(torch.from_numpy(features), torch.from_numpy(labels))


@pytest.mark.parametrize("classes", [2, 4])
def test_the_last_fit_is_of_training_and_validation_rows_with_the_best_c(classes: int) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn: pip install scikit-learn")
    train, validation, test = (rows(num, classes, seed) for seed, num in enumerate((120, 60, 200)))
    measure = roc_auc if classes == 2 else accuracy
    found = probe(train, validation, classes, measure, 1000)
    assert dict(found.tried)[found.strength] == max(value for _, value in found.tried)
    peer = linear_model.LogisticRegression(C=found.strength, max_iter=1000).fit(
        torch.cat([train.features_ND, validation.features_ND]), torch.cat([train.labels_N, validation.labels_N])
    )
    scores = class_scores(found.classifiers.scores(test.features_ND)[0])
    assert scores.shape == (200, classes)
    assert (scores.argmax(axis=1) == peer.predict(test.features_ND)).mean() > 0.99


def write_features(root: Path, name: str, num: int, seed: int) -> str:
    made = rows(num, 3, seed)
    values = pa.array(made.features_ND.float().numpy().ravel())
    ids = [f"class_{label}/{row}.jpg" for row, label in enumerate(made.labels_N.tolist())]
    table = pa.table({"id": ids, "features": pa.FixedSizeListArray.from_arrays(values, 6)})
    (root / name).mkdir(parents=True)
    pq.write_table(table, root / name / "part-00000.parquet")
    return str(root / name)


def test_on_features_of_files_no_model_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ProbeConfig(
        train=write_features(tmp_path, "train", 150, 0), test=write_features(tmp_path, "test", 90, 1),
        output=str(tmp_path / "out"), threads=1,
    )  # fmt: skip
    results = linear_probe(config)
    assert results["rows"] == {"train": 120, "validation": 30, "test": 90}
    assert results["test"] > 0.6
    assert results["is_converged"]
    assert "3 classes, 6 dimensions" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "results.json").read_text())["C"] == results["C"]
    assert read_manifest(Folder(str(tmp_path / "out")), "evaluation")["summary"]["test"] == results["test"]
    before = {name: (tmp_path / "out" / name).read_bytes() for name in ("strengths.png", "strengths.csv")}
    assert linear_probe(config) == results
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before


def test_pictures_are_seen_before_the_projection(tmp_path: Path) -> None:
    model = write_small_model(tmp_path)
    train, test = write_pictures(tmp_path / "train", range(24)), write_pictures(tmp_path / "test", range(24, 36))
    validation = write_pictures(tmp_path / "validation", range(36, 48))
    (tmp_path / "train" / "red_one" / "broken.jpg").write_bytes(b"broken")
    given = {"checkpoint": model, "train": train, "test": test, "validation": validation, "batch_size": 5, "threads": 1}
    results = linear_probe(ProbeConfig(**given))
    assert (results["dimensions"], results["classes"], results["skipped"]) == (32, 4, 1)
    assert results["test"] == 1.0  # pictures of four colours
    assert linear_probe(ProbeConfig(**given, layer="embedding"))["dimensions"] == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"train": "none"}, "--train: no such folder", id="no folder"),
        pytest.param({"test": "other"}, "--test: class 'yellow' of .* is none of the 4 classes known", id="class"),
        pytest.param({"train": "one"}, "--train: .* has one class, 'yellow'; expected two or more", id="one class"),
        pytest.param({"checkpoint": ""}, "--checkpoint: images and prompts need a model", id="no model"),
    ],
)
def test_what_cannot_be_probed_is_told(tmp_path: Path, change: dict[str, str], message: str) -> None:
    given = {"checkpoint": "absent", "train": "train", "test": "test"}
    write_pictures(tmp_path / "test", range(4, 8))
    write_pictures(tmp_path / "train", range(4))
    write_pictures(tmp_path / "other", range(4))
    for folder in ("other", "one"):
        (tmp_path / folder / "yellow").mkdir(parents=True)
    paths = {name: str(tmp_path / p) if p else "" for name, p in {**given, **change}.items()}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        linear_probe(ProbeConfig(**paths, threads=1))
