"""Paths become absolute, the device is decided."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.config import TrainConfig
from trainer.presets import PRESETS
from trainer.record.resolved import resolve
from trainer.saving.checkpoint import model_config_to_json


@pytest.mark.parametrize("has_gpu", [True, False])
def test_paths_become_absolute_and_the_device_is_decided(
    tmp_path: Path, has_gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    asked = TrainConfig(shards=("shards",), output="out", model="rn-tiny")
    found = resolve(asked)
    assert (found.shards, found.output) == ((str(tmp_path / "shards"),), str(tmp_path / "out"))
    assert found.device == ("cuda" if has_gpu else "cpu")
    assert resolve(dataclasses.replace(asked, device="cpu")).device == "cpu"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"text_weights": "bfloat16"},
            "text_weights bfloat16 takes precision bfloat16, found 'auto', which is float32",
        ),
        ({"decode": "gpu"}, "decode gpu takes a GPU"),
        (
            {"activation_checkpointing": "auto"},
            "activation_checkpointing auto takes activation_gb on a CPU, found none",
        ),
        ({"captions": ("alt=x",)}, "captions must be first, random or members .*, found 'alt=x'"),
    ],
)
def test_what_a_machine_without_a_gpu_cannot_do_is_told(
    tmp_path: Path, changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = TrainConfig(shards=("shards",), output=str(tmp_path), model="rn-tiny", **changes)
    with pytest.raises(ValueError, match=message):
        resolve(config)


@pytest.mark.parametrize("model", ["vit", "heads"])
def test_a_geometry_of_a_file_is_checked_before_anything_starts(tmp_path: Path, model: str) -> None:
    geometry = PRESETS["vit-tiny"].model
    image = dataclasses.replace(geometry.image, image_px=60)
    text = dataclasses.replace(geometry.text, heads=3)
    changed = dataclasses.replace(geometry, image=image) if model == "vit" else dataclasses.replace(geometry, text=text)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model_config_to_json(changed)))
    wanted = {
        "vit": "must be a multiple of 8, found 60; give --image-px 64",
        "heads": "multiple of heads, found 128 and 3",
    }
    with pytest.raises(ValueError, match=wanted[model]):
        resolve(TrainConfig(shards=("shards",), output=str(tmp_path), model=str(path), device="cpu"))
