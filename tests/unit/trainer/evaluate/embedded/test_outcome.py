"""The output of a measurement: finished by its manifest, refused to other inputs, nothing without a folder."""

import json
from pathlib import Path

import pytest

from schemas.manifest import read_manifest
from schemas.run_record import FolderConflict
from schemas.storage import Folder
from trainer.evaluate.embedded.options import FeatureOptions
from trainer.evaluate.embedded.outcome import Outcome


def test_a_folder_belongs_to_its_inputs_and_options(tmp_path: Path) -> None:
    options = FeatureOptions(output=str(tmp_path / "out"))
    outcome = Outcome("trainer evaluate probe", options, {"train": "a"})
    outcome.write("table.csv", b"a\n1\n", 1)
    outcome.finish({"test": 0.5}, rows=1, summary={"test": 0.5})
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == {"test": 0.5}
    assert read_manifest(Folder(str(tmp_path / "out")), "evaluation")["summary"] == {"test": 0.5}
    Outcome("trainer evaluate probe", FeatureOptions(output=options.output, batch_size=3), {"train": "a"})
    for changed in (
        ("trainer evaluate probe", options, {"train": "b"}),
        ("trainer evaluate probe", FeatureOptions(output=options.output, precision="bfloat16"), {"train": "a"}),
        ("trainer prompts", options, {"train": "a"}),
    ):
        with pytest.raises(FolderConflict, match="belongs to another run"):
            Outcome(*changed)


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = Outcome("trainer prompts", FeatureOptions(), {})
    outcome.write("table.csv", b"", 0)
    outcome.finish({}, rows=0, summary={})
    assert list(tmp_path.iterdir()) == []
