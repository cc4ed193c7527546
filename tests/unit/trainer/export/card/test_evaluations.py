"""Results of each `trainer evaluate` as rows of a card; those of another model, or of another kind, are refused."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.exported import VIT, write_drawn
from tests.support.small_model import write_names, write_pictures
from trainer.__main__ import main
from trainer.evaluate.labels.rates import GroupRates, rate_of
from trainer.export.card.evaluations import read_evaluations
from trainer.use.load import load

ZERO_SHOT = {"top1": 0.827, "top5": 0.991, "mean_per_class": 0.8, "images": 960, "classes": 120}
RETRIEVAL = {f"{way}_r{rank}": rank / 100 for way in ("image_to_text", "text_to_image") for rank in (1, 5, 10)}
PROBE = {"measure": "accuracy", "test": 0.75, "classes": 3, "rows": {"test": 12}}
FEW_SHOT = {"curves": {"logistic": [{"shots": 4, "mean": 0.5, "std": 0.1}]}, "test_images": 40, "classes": 10}
ROBUSTNESS = {
    "reference": 0.9, "reference_images": 500, "datasets": [{"dataset": "a|b", "images": 20, "shifted": 0.4}],
}  # fmt: skip
LABELS = {
    "group": "age", "labels": ["a man"], "watched": ["thief"], "added": ["child"],
    "groups": [asdict(GroupRates("0-9", rate_of(40, 100), rate_of(5, 100), rate_of(60, 100)))],
}  # fmt: skip


def written(path: Path, body: Any, **run: Any) -> str:
    path.mkdir(parents=True)
    (path / "results.json").write_text(json.dumps(body))
    if run:
        (path / "run.json").write_text(json.dumps(run))
    return str(path)


@pytest.mark.parametrize(
    ("body", "row"),
    [
        (ZERO_SHOT, ("zero-shot top-1", "960 images, 120 classes", "82.7%")),
        (RETRIEVAL | {"images": 10, "captions": 50}, ("image to text R@5", "10 images, 50 captions", "5.0%")),
        (PROBE, ("linear probe, accuracy", "12 images, 3 classes", "75.0%")),
        (FEW_SHOT, ("logistic, 4 examples a class", "40 images, 10 classes", "50.0%")),
        (ROBUSTNESS, ("zero-shot top-1", r"20 images of a\|b", "40.0%")),
    ],
    ids=["zero-shot", "retrieval", "probe", "few-shot", "robustness"],
)
def test_each_kind(tmp_path: Path, body: dict[str, Any], row: tuple[str, str, str]) -> None:
    found = read_evaluations([written(tmp_path / "a", body)], "")
    assert row in found.rows
    assert (found.sections, found.unchecked) == ((), ("results.json",))


def test_a_bias_probe_brings_its_warning(tmp_path: Path) -> None:
    found = read_evaluations([written(tmp_path / "a", LABELS) + "/results.json"], "")
    assert found.rows == ()
    (section,) = found.sections
    assert "| 0-9 | 100 | 40.0% [30.9%, 49.8%] | 5.0% [2.2%, 11.2%] | 60.0% [50.2%, 69.1%] |" in section
    assert "**Warning.**" in section


def test_what_the_commands_write_is_read_and_checked(tmp_path: Path) -> None:
    checkpoint, other = (write_drawn(tmp_path / name, VIT) for name in ("one", "two"))
    classes, templates = write_names(tmp_path / "names")
    arguments = ["--dataset", write_pictures(tmp_path / "pictures", range(8)), "--classes", classes]
    output = str(tmp_path / "measured")
    main(
        ["evaluate", "zero-shot", "--checkpoint", checkpoint, *arguments, "--templates", templates, "--output", output]
    )
    found = read_evaluations([output], load(other, device="cpu").model.fingerprint)  # the same weights elsewhere
    assert found.unchecked == ()
    assert found.rows[0][:2] == ("zero-shot top-1", "8 images, 4 classes of pictures")
    with pytest.raises(ValueError, match=r"measured is of another model \(fingerprint .*, this one's is 0123"):
        read_evaluations([output], "0123456789abcdef")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"loss": 1}, r"results\.json: expected results\.json of trainer evaluate zero-shot, .* found the keys loss"),
        (ZERO_SHOT | {"top1": "high"}, r"results\.json: top1 should be a number.*, found 'high'"),
        (LABELS | {"groups": []}, r"results\.json: expected at least one group, found none"),
        (LABELS | {"groups": [{"group": "a"}]}, r"results\.json: groups\[0\]"),
    ],
    ids=["another file", "a text for a number", "no group", "no rate"],
)
def test_what_is_no_result_is_named(tmp_path: Path, body: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_evaluations([written(tmp_path / "a", body)], "")
