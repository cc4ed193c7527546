"""The interface of everything that takes metrics. The first worker's background thread calls it, in order of steps."""

from collections.abc import Mapping
from typing import Protocol

from trainer.telling.metrics import Metrics


class MetricsSink(Protocol):
    """Takes metrics."""

    def row(self, metrics: Metrics) -> None: ...

    def evaluated(self, step: int, measures: Mapping[str, float]) -> None:
        """Take what an evaluation after `step` found, by name."""

    def flush(self) -> None:
        """Have all so far stand in files: a checkpoint of the step is written next."""

    def close(self) -> None: ...
