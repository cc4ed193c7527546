"""Metrics as a run of Weights & Biases. ``WANDB_MODE=offline`` keeps it in ``OUTPUT/wandb/``, without a network."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import wandb

from schemas.storage import Folder
from trainer.telling.metrics import Metrics


class WandbRun:
    """Takes metrics (`MetricsSink`)."""

    def __init__(self, folder: Folder, project: str, identity: str, config: Mapping[str, Any]) -> None:
        """Go on with the run of this folder and identity, which is known by a name made of both."""
        name = hashlib.sha256(f"{folder.url}\n{identity}".encode()).hexdigest()[:16]
        self._run = wandb.init(
            project=project, id=name, resume="allow", config=dict(config), dir=folder.root if folder.local else None,
            settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip

    def row(self, metrics: Metrics) -> None:
        told = {f"train/{name}": value for name, value in asdict(metrics).items() if value is not None}
        self._run.log(told, step=metrics.step)

    def evaluated(self, step: int, measures: Mapping[str, float]) -> None:
        self._run.log({f"evaluate/{name}": value for name, value in measures.items()}, step=step)

    def flush(self) -> None:
        """Nothing: its own process writes what it was given."""

    def close(self) -> None:
        self._run.finish()
