"""Where a run stands, as the ``state.json`` of its checkpoints tells it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best evaluation of a run so far."""

    step: int
    measure: str
    value: float


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """Where a run stands."""

    step: int
    samples: int
    """Places of the run's sequence that are done."""
    replaced: int
    """Rows so far whose sample did not decode."""
    skipped: int = 0
    """Steps so far that were left out because a gradient was not finite."""
    loss_scale: dict[str, float] | None = None
    """Of float16, as `LossScaler` knows it."""
    best: Best | None = None
    """The best evaluation so far, where one is kept."""


def train_state(state: dict[str, Any]) -> TrainState:
    """Return what the state of a checkpoint tells."""
    best = Best(**state["best"]) if "best" in state else None
    return TrainState(
        step=state["step"],
        samples=state["samples"],
        replaced=state["replaced"],
        skipped=state.get("skipped", 0),
        loss_scale=state.get("loss_scale"),
        best=best,
    )
