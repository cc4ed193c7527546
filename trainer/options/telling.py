"""What a run tells of itself while it goes."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class TellingOptions(OptionGroup):
    """What a run tells of itself while it goes."""

    log_every_steps: NotIdentity[int] = 20
    """Steps between rows of metrics.csv. Workers add up their numbers once a row, and read them a row later."""
    tensorboard: NotIdentity[bool] = False
    """Write the metrics to OUTPUT/tensorboard, too (package tensorboard)."""
    wandb: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="PROJECT")]] = None
    """Send the metrics to this project of Weights & Biases, too (package wandb)."""

    def _check(self) -> None:
        check_at_least(self, {"log_every_steps": 1})
