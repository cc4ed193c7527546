"""Features of classes are made once by what makes them; damage and a folder that cannot be used cost time alone."""

from pathlib import Path

import pytest
import torch

import trainer
from tests.unit.trainer.weights.test_begin import write_given
from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.classify import embed_classes
from trainer.use import text_cache
from trainer.use.load import Loaded
from trainer.use.text_cache import cached_classes

CLASSES = ClassNames.of(["red", "blue"])


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return trainer.load(write_given(tmp_path / "run"), device="cpu")


def features(
    loaded: Loaded, folder: Path, classes: ClassNames = CLASSES, templates: list[str] | None = None
) -> torch.Tensor:
    return cached_classes(
        loaded.model, loaded.tokenizer, classes, templates or ["a {}"], batch_size=4, cache_dir=str(folder)
    )


def test_they_are_made_once(loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = features(loaded, tmp_path / "cache")
    assert torch.equal(first, embed_classes(loaded.model, loaded.tokenizer, CLASSES, ["a {}"], 4))
    with monkeypatch.context() as without:
        without.delattr(text_cache, "embed_classes")
        assert torch.equal(features(loaded, tmp_path / "cache"), first)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".f32"]


def test_whatever_makes_them_has_a_file_of_its_own(loaded: Loaded, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    other = trainer.load(write_given(tmp_path / "other", seed=1), device="cpu")
    half = trainer.load(tmp_path / "run", device="cpu", precision="bfloat16")
    features(loaded, folder)
    features(loaded, folder, templates=["the {}"])
    features(loaded, folder, ClassNames(["red", "blue"], [("red", "scarlet"), ("blue",)], ["red", "blue"]))
    features(other, folder)
    features(half, folder)
    assert len(list(folder.iterdir())) == 5


def test_a_damaged_file_is_made_again(loaded: Loaded, tmp_path: Path) -> None:
    wanted = features(loaded, tmp_path / "cache")
    (path,) = (tmp_path / "cache").iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40] + b"\x7f" + whole[41:], whole + b"x"):
        path.write_bytes(damaged)
        assert torch.equal(features(loaded, tmp_path / "cache"), wanted)
        assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_used_costs_time_alone(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert features(loaded, tmp_path / "file" / "below").shape == (2, 8)
