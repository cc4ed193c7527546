"""Which sinks a run has, by its options; their packages are imported when they are asked for."""

import dataclasses
from importlib.util import find_spec

from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.telling.sink import MetricsSink


def check_sinks(config: TrainConfig) -> None:
    """Raise ValueError for a sink whose package is not installed."""
    for option, package, is_wanted in (
        ("--tensorboard", "tensorboard", config.tensorboard),
        ("--wandb", "wandb", config.wandb is not None),
    ):
        if is_wanted and find_spec(package) is None:
            raise ValueError(
                f"{option} takes the package {package}, which is not installed; pip install 'webimagetext[{package}]'"
            )


def open_sinks(config: TrainConfig, folder: Folder, identity: str, resumed_step: int) -> list[MetricsSink]:
    """Return the sinks that are asked for by option."""
    check_sinks(config)
    sinks: list[MetricsSink] = []
    if config.tensorboard:
        from trainer.telling.tensorboard import TensorBoard

        sinks.append(TensorBoard(folder, resumed_step))
    if config.wandb is not None:
        from trainer.telling.wandb_run import WandbRun

        sinks.append(WandbRun(folder, config.wandb, identity, dataclasses.asdict(config)))
    return sinks
