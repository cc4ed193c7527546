"""Training on a CUDA GPU: bfloat16 by default, resumable, and the loss close to the CPU's."""

import csv
import dataclasses
from pathlib import Path

import pytest
import torch

from tests.support.small_shards import write_shards
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World, join_world

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


def losses(config: TrainConfig) -> list[float]:
    return [float(row["loss"]) for row in csv.DictReader((Path(config.output) / "metrics.csv").open())]


@pytest.mark.parametrize("model", ["rn-tiny", "vit-tiny"])
def test_gpu_follows_the_cpu_and_resumes(tmp_path: Path, model: str) -> None:
    write_shards(tmp_path / "shards", 40)
    cpu = TrainConfig(
        shards=(str(tmp_path / "shards"),), output=str(tmp_path / "cpu"), model=model, epochs=2.0,
        global_batch_size=8, warmup_steps=2, log_every_steps=1, precision="float32",
    )  # fmt: skip
    train(cpu, World(0, 1, torch.device("cpu")), Silent())
    gpu = dataclasses.replace(cpu, output=str(tmp_path / "gpu"), precision="auto", stop_after_steps=5)
    for _ in range(2):
        train(gpu, join_world(use_gpu=True), Silent())
    assert losses(gpu) == pytest.approx(losses(cpu), rel=0.05)
