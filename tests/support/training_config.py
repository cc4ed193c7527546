"""Short trainings on small shards, for whole runs in a process."""

from pathlib import Path
from typing import Any

from tests.support.small_shards import write_shards
from trainer.config import TrainConfig


def training_config(
    tmp_path: Path, name: str, num_samples: int, *, broken: tuple[int, ...] = (), **options: Any
) -> TrainConfig:
    """Return a run of `options` into `tmp_path / name`, on shards of `num_samples` that all runs of a test share."""
    shards = tmp_path / "shards"
    if not shards.exists():
        write_shards(shards, num_samples, broken=broken)
    return TrainConfig(**({"shards": (str(shards),), "output": str(tmp_path / name)} | options))
