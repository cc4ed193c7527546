"""What a run leaves while it goes: its checkpoints."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class SavingOptions(OptionGroup):
    """What a run leaves while it goes: its checkpoints."""

    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where checkpoints, metrics and the trained model go; absolute inside a Ray job, and shared by all nodes."""
    checkpoint_every_steps: NotIdentity[int] = 1_000
    """Steps between checkpoints; one is always written at the end."""
    checkpoint_every_minutes: NotIdentity[float | None] = None
    """Besides, a checkpoint at the first row of metrics that so many minutes have passed since the last one."""
    keep_checkpoints: NotIdentity[int] = 2
    """So many of the latest checkpoints are kept."""
    keep_best: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="MEASURE")]] = None
    """A measure of evaluations while training, such as zero_shot_top1: an evaluation that is better than all before is
    saved, and the best is kept beside the latest."""
    stop_after_steps: NotIdentity[int | None] = None
    """Save and stop, unfinished, after so many steps of this invocation; the same command then goes on."""
    max_skipped_steps: NotIdentity[int] = 20
    """Save and stop when so many steps in a row had a gradient that is not finite. Such a step changes nothing; a few
    at the start are usual in half precision."""

    def _check(self) -> None:
        check_at_least(
            self,
            {"checkpoint_every_steps": 1, "keep_checkpoints": 1, "stop_after_steps": 1, "max_skipped_steps": 1},
        )
        if self.checkpoint_every_minutes is not None and not 0 < self.checkpoint_every_minutes < float("inf"):
            raise ValueError(f"checkpoint_every_minutes must be above 0, found {self.checkpoint_every_minutes!r}")
