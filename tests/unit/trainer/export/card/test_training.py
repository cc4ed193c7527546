"""What the files of a run tell, whole and half; no path, no clock, no machine."""

from pathlib import Path

import pytest

from schemas.manifest import manifest_sha256, write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from tests.support.exported import VIT, write_drawn
from trainer.export.card.training import find_run, measured_lines, training_lines

CONFIG = {
    "recipe": {"epochs": 3.0, "global_batch_size": 256, "learning_rate": 0.002, "weight_decay": 0.2},
    "captions": ["random", "a|b"],
    "seed": 5,
    "precision": "float32",
    "cap": None,
}
QUERIES = {"over_cap": 37, "up_to_cap": 117, "without_match": 1_000}


def shards(root: Path) -> Folder:
    folder = Folder(str(root / "shards"))
    start_run(folder, RunRecord(command="pipeline download", config={}))
    summary = {"selections": [{"summary": {"queries": QUERIES}}]}
    write_manifest(folder, "shards", [], rows=13_797, identity="0", summary=summary)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Folder:
    given = shards(tmp_path)
    folder = Folder(str(tmp_path / "run"))
    record = RunRecord(
        command="trainer run", config=CONFIG,
        inputs=[
            {"name": "shards-0", "manifest_sha256": manifest_sha256(given)},
            {"name": "init_from/model.safetensors", "sha256": "ab12"},
        ],
        paths={"shards": [given.url]},
    )  # fmt: skip
    start_run(folder, record)
    folder.write_json("environment.json", {"starts": [{"git": {"commit": "c0ffee", "changed": True}}]})
    folder.write("evaluations.csv", b"step,measure,value\n50,top1,0.1\n100,top1,0.25\n100,r|1,0.5\n")
    write_drawn(tmp_path / "run", VIT, "final")
    return folder


def test_a_finished_run(tmp_path: Path, run: Folder) -> None:
    summary = {"steps": 12_345, "samples_seen": 3_160_320}
    write_manifest(run, "checkpoint", [], rows=13_797, identity="0", summary=summary)
    text = "\n".join(training_lines(run.sub("final")))
    for line in (
        "| made by | trainer run |",
        "| steps | 12,345 |",
        "| samples seen | 3,160,320 |",
        "| global batch | 256 |",
        r"| captions | random, a\|b |",
        "| seed | 5 |",
        "| init\\_from/model.safetensors | SHA-256 `ab12` |",
        "| sources | `c0ffee` with changes |",
    ):
        assert line in text.splitlines()
    assert "`: 13,797 images, collected for 154 of 1,154 queries |" in text
    assert "| versions | webimagetext " in text
    assert str(tmp_path) not in text
    assert "averages" not in text
    assert "| weights | averages over the steps (`--ema-decay`) |" in training_lines(run.sub("final"), averaged=True)
    assert "cap" not in text.replace("captions", "")
    assert measured_lines(run.sub("final")) == [
        "While it trained, at step 100:", "", "| measure | value |", "|---|---|", "| top1 | 0.25 |", "| r\\|1 | 0.5 |",
    ]  # fmt: skip


def test_a_checkpoint_tells_its_own_steps(run: Folder) -> None:
    write_manifest(run, "checkpoint", [], rows=1, identity="0", summary={"steps": 100, "samples_seen": 1})
    checkpoint = run.sub("checkpoints/step-0000060")
    checkpoint.write_json("state.json", {"step": 60, "samples": 15_360})
    text = "\n".join(training_lines(checkpoint))
    assert "| steps | 60, at this checkpoint |" in text
    assert "| samples seen | 15,360 |" in text
    assert measured_lines(checkpoint)[0] == "While it trained, at step 50:"
    checkpoint.write_json("state.json", {"step": 40, "samples": 1})
    assert measured_lines(checkpoint) == []


def test_shards_that_are_others_now_tell_nothing(tmp_path: Path, run: Folder) -> None:
    Folder(str(tmp_path / "shards")).write_json("manifest.json", {"rows": 5, "summary": {}})
    text = "\n".join(training_lines(run.sub("final")))
    assert "| shards-0 | SHA-256 `" in text
    assert "images" not in text


def test_nothing_beside(tmp_path: Path) -> None:
    alone = Folder(write_drawn(tmp_path / "a" / "b" / "c", VIT))
    assert find_run(alone) is None
    assert training_lines(alone) == ["Nothing beside these weights tells how they were trained."]
    assert measured_lines(alone) == []


def test_a_damaged_table_is_named(run: Folder) -> None:
    run.write("evaluations.csv", b"step,measure\nx,top1\n")
    with pytest.raises(ValueError, match=r"evaluations\.csv: expected the columns step, measure, value"):
        measured_lines(run.sub("final"))
