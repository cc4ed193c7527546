"""CPUs of a worker: what is asked for, else a GPU's share of the machine, else one."""

import pytest
import torch

from trainer.config import TrainConfig
from trainer.workers import cpu_share
from trainer.workers.cpu_share import usable_cpus, with_cpus, with_threads
from trainer.workers.distributed import World


@pytest.mark.parametrize(
    ("asked", "device", "cpus", "workers", "found"),
    [(0, "cuda", 64, 8, 8), (0, "cuda", 4, 8, 1), (0, "cpu", 64, 2, 1), (3, "cuda", 64, 8, 3), (3, "cpu", 64, 8, 3)],
)
def test_a_workers_cpus(asked: int, device: str, cpus: int, workers: int, found: int) -> None:
    config = TrainConfig(shards=("s",), output="o", device=device, cpus_per_worker=asked)  # type: ignore[arg-type]
    assert with_cpus(config, cpus, workers).cpus_per_worker == found


@pytest.mark.parametrize(
    ("device", "asked", "threads"), [("cpu", 0, 2), ("cpu", 1, 1), ("cuda", 0, 6), ("cuda", 20, 20)]
)
def test_threads_that_decode(monkeypatch: pytest.MonkeyPatch, device: str, asked: int, threads: int) -> None:
    monkeypatch.setattr(cpu_share, "usable_cpus", lambda: 12)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    world = World(0, 2, torch.device(device))
    config = with_threads(TrainConfig(shards=("s",), output="o", decode_threads=asked), world)
    assert config.decode_threads == threads
    assert config.cpus_per_worker == (6 if device == "cuda" else 1)


def test_this_process_may_use_some() -> None:
    assert usable_cpus() >= 1
