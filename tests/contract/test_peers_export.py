"""Our exports in open_clip and in transformers 4.57, each in an environment of `make peers`."""

from pathlib import Path

import pytest
from PIL import Image

from tests.contract.test_peers import environment, read, run
from tests.peers.environments import REPOSITORY
from tests.support.exported import GEOMETRIES, write_drawn
from tests.support.small_model import write_pictures

pytestmark = pytest.mark.peers

SOURCE = {"PYTHONPATH": str(REPOSITORY)}


def exported(project: str, geometry: str, folder: Path) -> tuple[Path, str]:
    """Export by the environment of `project`, which compares; return the export and what was printed."""
    checkpoint = write_drawn(folder, GEOMETRIES[geometry])
    program = REPOSITORY / "tests" / "peers" / "run_trainer.py"
    arguments = ["export", checkpoint, "--format", project, "--output", folder / "theirs"]
    return folder / "theirs", run([environment(project), program, *arguments], folder, env=SOURCE)


@pytest.mark.parametrize("geometry", ["vit", "odd", "resnet", "sigmoid", "no norm before"])
def test_open_clip_gives_our_features_and_ids(tmp_path: Path, geometry: str) -> None:
    _, told = exported("open_clip", geometry, tmp_path)
    assert "the same to open_clip 3." in told
    assert "not compared" not in told


@pytest.mark.parametrize("geometry", ["vit", "odd", "mixed", "sigmoid"])
def test_transformers_4_gives_our_features_and_ids(tmp_path: Path, geometry: str) -> None:
    _, told = exported("transformers", geometry, tmp_path)
    assert "the same to transformers 4.57." in told


def test_clips_own_classes_and_pipeline_of_transformers_4_open_an_export(tmp_path: Path) -> None:
    folder, _ = exported("transformers", "vit", tmp_path)
    picture = sorted(Path(write_pictures(tmp_path / "pictures", range(1))).rglob("*.png"))[0]
    assert Image.open(picture).size == (64, 64)
    found = read("transformers", "open_exported.py", folder, picture, cwd=tmp_path, env=SOURCE)
    assert found["ids"] == found["ids_of_slow"] == found["ids_of_processor"]
    assert found["ids"][0][0] == 519
    assert sorted(found["labels"]) == ["a green picture", "a red picture"]
    assert sum(found["labels"].values()) == pytest.approx(1)


def test_weights_that_open_clip_wrote_come_in(tmp_path: Path) -> None:
    """What open_clip 3 saves of a model of ours, its own way, is imported to the bit."""
    folder, _ = exported("open_clip", "resnet", tmp_path)
    arguments = ["import", folder, "--output", tmp_path / "ours"]
    read("open_clip", "run_trainer.py", *arguments, cwd=tmp_path, env=SOURCE)
    first, again = (path / "model.safetensors" for path in (tmp_path / "model", tmp_path / "ours" / "final"))
    assert first.read_bytes() == again.read_bytes()
