"""What a config means on the machine that starts the run: absolute paths, the device."""

from dataclasses import replace

import torch

from schemas.storage import Folder
from trainer.config import TrainConfig


def resolve(config: TrainConfig) -> TrainConfig:
    """Return the config with absolute paths and the device decided."""
    device = config.device if config.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    shards = tuple(Folder(path).url for path in config.shards)
    return replace(config, output=Folder(config.output).url, shards=shards, device=device)
