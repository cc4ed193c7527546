"""What a run tells of itself while it goes."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


def profiled_steps(text: str) -> range:
    """Return the steps that ``10:12`` means, both of them included. Raises ValueError."""
    first, _, last = text.partition(":")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        raise ValueError(f"profile must be FIRST:LAST, two steps from 1 on, such as 10:12; found {text!r}")
    return range(int(first), int(last) + 1)


def check_profiled(text: str, total_steps: int) -> None:
    """Raise ValueError for steps that a run of so many does not have."""
    first = profiled_steps(text)[0]
    if first > total_steps:
        raise ValueError(f"profile must name steps of the run, which has {total_steps}, found {first}")


@dataclass(frozen=True, kw_only=True)
class TellingOptions(OptionGroup):
    """What a run tells of itself while it goes."""

    log_every_steps: NotIdentity[int] = 20
    """Steps between rows of metrics.csv. Workers add up their numbers once a row, and read them a row later."""
    tensorboard: NotIdentity[bool] = False
    """Write the metrics to OUTPUT/tensorboard, too (package tensorboard)."""
    wandb: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="PROJECT")]] = None
    """Send the metrics to this project of Weights & Biases, too (package wandb)."""

    profile: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="FIRST:LAST")]] = None
    """Trace these steps by torch's profiler, such as 10:12; OUTPUT/profile/rank-0.json and so on."""
    expect_loss: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE.json")]] = None
    """The range in which the loss of a good run lies: from-scratch, fine-tuning, locked-image (derived from the batch
    and the warm-up: chance at first, then less), or JSON of your own, {"100": [6.0, 9.5]}: from each step on the next
    row of metrics is compared; a run outside is saved and stopped."""

    def _check(self) -> None:
        check_at_least(self, {"log_every_steps": 1})
        if self.profile is not None:
            profiled_steps(self.profile)
