"""Paths become absolute, the device is decided."""

import dataclasses
from pathlib import Path

import pytest
import torch

from trainer.config import TrainConfig
from trainer.record.resolved import resolve


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
