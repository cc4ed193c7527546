"""What a run asks for is checked before Ray starts: paths, GPUs, processes."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.config import TrainConfig
from trainer.launch import MAX_WORKERS_PER_CPU, check_resources, refuse_relative_paths, resolve


@pytest.fixture
def shards(tmp_path: Path) -> str:
    (tmp_path / "shards").mkdir()
    return str(tmp_path / "shards")


def config(shards: str, **changes: Any) -> TrainConfig:
    plain = TrainConfig(shards=(shards,), output="/out", model="rn-tiny")
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize("option", ["output", "shards"])
def test_a_relative_path_in_a_ray_job_is_refused_with_the_absolute_form(
    shards: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(shards).parent)
    asked = config("shards") if option == "shards" else config(shards, output="out")
    refuse_relative_paths(asked)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    with pytest.raises(ValueError, match=rf'--{option} .* is relative, .* --{option} "\$PWD/'):
        refuse_relative_paths(asked)
    refuse_relative_paths(config(shards))
    refuse_relative_paths(config("memory://shards", output="gs://bucket/out"))


def test_more_processes_than_a_cpu_can_serve_are_refused(shards: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    check_resources(config(shards, device="cpu", num_workers=2 * MAX_WORKERS_PER_CPU, cpus_per_worker=1))
    many = config(shards, device="cpu", num_workers=2 * MAX_WORKERS_PER_CPU + 1, cpus_per_worker=1)
    with pytest.raises(ValueError, match="takes 9 CPUs, this machine has 2; use fewer workers, or a cluster"):
        check_resources(many)
    monkeypatch.setenv("RAY_ADDRESS", "ray://host")
    check_resources(many)


def test_more_gpus_than_there_are_are_refused(shards: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    check_resources(config(shards, device="cuda", num_workers=1))
    with pytest.raises(ValueError, match="takes as many GPUs, this machine has 1; use --device cpu"):
        check_resources(config(shards, device="cuda", num_workers=2))


@pytest.mark.parametrize("has_gpu", [True, False])
def test_paths_become_absolute_and_the_device_is_decided(
    shards: str, has_gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(shards).parent)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    found = resolve(config("shards", output="out"))
    assert (found.shards, found.output) == ((shards,), str(Path(shards).parent / "out"))
    assert found.device == ("cuda" if has_gpu else "cpu")
    assert resolve(config(shards, device="cpu")).device == "cpu"
