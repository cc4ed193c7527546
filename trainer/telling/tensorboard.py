"""Metrics as TensorBoard's event files: ``OUTPUT/tensorboard/``, ``tensorboard --logdir OUTPUT``."""

from collections.abc import Mapping
from dataclasses import asdict

from torch.utils.tensorboard import SummaryWriter

from schemas.storage import Folder
from trainer.telling.metrics import Metrics

DIRECTORY = "tensorboard"


class TensorBoard:
    """Takes metrics (`MetricsSink`)."""

    def __init__(self, folder: Folder, resumed_step: int) -> None:
        """Go on after `resumed_step`: TensorBoard leaves out what older files hold of later steps."""
        self._writer = SummaryWriter(folder.sub(DIRECTORY).url, purge_step=resumed_step + 1)

    def row(self, metrics: Metrics) -> None:
        for name, value in asdict(metrics).items():
            if name != "step" and value is not None:
                self._writer.add_scalar(f"train/{name}", value, metrics.step)

    def evaluated(self, step: int, measures: Mapping[str, float]) -> None:
        for name, value in measures.items():
            self._writer.add_scalar(f"evaluate/{name}", value, step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
