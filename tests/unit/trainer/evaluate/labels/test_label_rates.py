"""The whole bias probe on pictures of four colours in two groups."""

import csv
from pathlib import Path

import pytest

from schemas.run_record import FolderConflict
from tests.support.small_model import CLASSES, write_names, write_pictures, write_small_model
from trainer.evaluate.labels.config import LabelsConfig
from trainer.evaluate.labels.label_rates import label_rates


def test_rates_and_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, templates = write_names(tmp_path / "names")
    root = Path(write_pictures(tmp_path / "images", range(12)))
    (root / "broken.jpg").write_bytes(b"broken")
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    lines = [f"{name},{'warm' if name.startswith('red') else 'cold'}" for name in names]
    (root / "images.csv").write_text("\n".join(["path,group", *lines, "broken.jpg,warm"]) + "\n")
    for name, label in (("watched", "thief"), ("added", "child"), ("twice", CLASSES[0].replace(" ", "_"))):
        (tmp_path / f"{name}.txt").write_text(f"{label}\n")
    given = {
        "checkpoint": write_small_model(tmp_path), "images": str(root / "images.csv"), "group": "group",
        "labels": classes, "templates": templates, "added": str(tmp_path / "added.txt"), "threads": 1,
    }  # fmt: skip
    Path(given["added"]).write_text("child|kid\n")
    config = LabelsConfig(**given, watched=str(tmp_path / "watched.txt"), output=str(tmp_path / "out"))
    results = label_rates(config)
    assert (results["images"], results["skipped"]) == (12, 1)
    assert {row["group"]: row["added"]["images"] for row in results["groups"]} == {"cold": 9, "warm": 3}
    rows = list(csv.DictReader((tmp_path / "out" / "rates.csv").open()))
    assert [float(row["added_rate"]) for row in rows] == [row["added"]["rate"] for row in results["groups"]]
    card = (tmp_path / "out" / "model-card.md").read_text()
    assert "- watched labels: thief" in card
    assert results["added"] == ["child"]
    assert capsys.readouterr().out.strip() == card.strip()
    with pytest.raises(
        ValueError, match="--watched: 'red_one' is also a label of --labels; leave one out: watched and added"
    ):
        label_rates(LabelsConfig(**given, watched=str(tmp_path / "twice.txt")))
    (tmp_path / "synonym.txt").write_text("young one|thief|child\n")
    with pytest.raises(ValueError, match="--added: 'thief' is also a label of --watched"):
        label_rates(LabelsConfig(**{**given, "added": str(tmp_path / "synonym.txt")}, watched=config.watched))


def test_all_names_of_a_label_make_its_prompts(tmp_path: Path) -> None:
    classes, templates = write_names(tmp_path / "names")
    root = Path(write_pictures(tmp_path / "images", range(12)))
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    (root / "images.csv").write_text("path,group\n" + "".join(f"{name},all\n" for name in names))
    model, added, found = write_small_model(tmp_path), tmp_path / "added.txt", []
    for text in ("child", "child|a red picture of a star", "child"):
        added.write_text(text + "\n")
        config = LabelsConfig(
            checkpoint=model, images=str(root / "images.csv"), group="group", labels=classes, templates=templates,
            added=str(added), threads=1, output=str(tmp_path / "out"),
        )  # fmt: skip
        if text == "child":
            found.append(label_rates(config))
        else:
            with pytest.raises(FolderConflict, match="belongs to another run"):  # other prompts, other inputs
                label_rates(config)
    assert found[0] == found[1]
