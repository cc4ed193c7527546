"""A sink whose package is not there is an error that names both."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.telling import open_sinks as module
from trainer.telling.open_sinks import open_sinks

FOLDER = Folder("memory://test_open_sinks")


def test_none_is_the_default() -> None:
    assert open_sinks(TrainConfig(shards=("s",), output="o"), FOLDER, "identity", 0) == []


@pytest.mark.parametrize(("option", "value"), [("tensorboard", True), ("wandb", "project")])
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, option: str, value: object, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    config = TrainConfig(shards=("s",), output="o", **{option: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"--{option} takes the package {option}, which is not installed"):
        open_sinks(config, Folder(str(tmp_path)), "identity", 0)
