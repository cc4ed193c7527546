"""What a run asks for is checked before Ray starts: paths, GPUs, processes."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.config import TrainConfig
from trainer.record.resolved import resolve
from trainer.workers.launch import MAX_WORKERS_PER_CPU, check_resources, given_paths, kill_worker
from trainer.workers.ray_session import refuse_relative_paths


@pytest.fixture
def shards(tmp_path: Path) -> str:
    (tmp_path / "shards").mkdir()
    return str(tmp_path / "shards")


def config(shards: str, **changes: Any) -> TrainConfig:
    plain = TrainConfig(shards=(shards,), output="/out", model="rn-tiny")
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize("option", ["output", "shards", "init-from", "init-image-from", "tokenizer", "model"])
def test_a_relative_path_in_a_ray_job_is_refused_with_the_absolute_form(
    shards: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(shards).parent)
    relative = ("out.json",) if option == "shards" else "out.json"
    asked = dataclasses.replace(config(shards), **{option.replace("-", "_"): relative})
    refuse_relative_paths(given_paths(asked))
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    with pytest.raises(ValueError, match=rf'--{option} .* is relative, .* --{option} "\$PWD/'):
        refuse_relative_paths(given_paths(asked))
    refuse_relative_paths(given_paths(config(shards)))
    refuse_relative_paths(
        given_paths(config("memory://shards", output="gs://bucket/out", init_from="s3://a", tokenizer="openai"))
    )


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


def test_only_a_process_that_is_a_worker_is_killed() -> None:
    assert not kill_worker(os.getpid())
    program = "print('up', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "ray::RayTrainWorker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        assert kill_worker(worker.pid)
    assert worker.returncode == -signal.SIGKILL
    assert not kill_worker(worker.pid)


def test_decoding_on_a_gpu_takes_one_and_torchcodec(shards: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="decode gpu takes a GPU: device cuda, or auto on a machine with one, found"):
        resolve(config(shards, decode="gpu"))
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with pytest.raises(ValueError, match=r"which is not installed: pip install 'webimagetext\[decode-gpu\]'"):
        check_resources(config(shards, decode="gpu", device="cuda"))
