"""A small CLIP that has learnt drawn scenes (`drawn_scenes`): for tests that need a model that knows something."""

import io
import json
from pathlib import Path

import torch

from tests.support.drawn_scenes import captioned
from tests.support.small_shards import write_tar
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

NUM_SCENES = 4_000
PER_SHARD = 1_000
ONE = World(0, 1, torch.device("cpu"))


def train_on_scenes(folder: Path, *, num_scenes: int = NUM_SCENES, epochs: float = 8.0) -> str:
    """Train a ResNet of 64 pixels on scenes and their captions; return its path. About 90 s of one core."""
    shards = folder / "shards"
    shards.mkdir(parents=True)
    for start in range(0, num_scenes, PER_SHARD):
        members = []
        for number in range(start, min(start + PER_SHARD, num_scenes)):
            image, caption = captioned(number, side_px=64)
            sink = io.BytesIO()
            image.save(sink, "JPEG", quality=92)
            members.append((f"{number:06d}.jpg", sink.getvalue()))
            members.append((f"{number:06d}.json", json.dumps({"captions": [caption]}).encode()))
            members.append((f"{number:06d}.txt", caption.encode()))
        write_tar(shards / f"{start // PER_SHARD:05d}.tar", members)
    config = TrainConfig(
        shards=(str(shards),), output=str(folder / "clip"), model="rn-tiny", global_batch_size=128, epochs=epochs,
        learning_rate=1e-3, log_every_steps=50, checkpoint_every_steps=10_000, cpus_per_worker=1,
    )  # fmt: skip
    train(config, ONE, Silent())
    return config.output
