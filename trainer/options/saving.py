"""What a run leaves while it goes: checkpoints and metrics."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class SavingOptions(OptionGroup):
    """What a run leaves while it goes: checkpoints and metrics."""

    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where checkpoints, metrics and the trained model go; absolute inside a Ray job, and shared by all nodes."""
    checkpoint_every_steps: NotIdentity[int] = 1_000
    """Steps between checkpoints; one is always written at the end."""
    keep_checkpoints: NotIdentity[int] = 2
    """So many of the latest checkpoints are kept."""
    log_every_steps: NotIdentity[int] = 20
    """Steps between rows of metrics.csv."""
    stop_after_steps: NotIdentity[int | None] = None
    """Save and stop, unfinished, after so many steps of this invocation; the same command then goes on."""

    def _check(self) -> None:
        check_at_least(
            self, {"checkpoint_every_steps": 1, "keep_checkpoints": 1, "log_every_steps": 1, "stop_after_steps": 1}
        )
