"""The options of `trainer plan`: those of `trainer train`, and of the device. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import check_at_least
from schemas.run_options import NotIdentity
from trainer.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class MemoryPlanConfig(TrainConfig):
    """Tell what of a device's memory a training takes, and how many rows fit at a time; needs no GPU.

    Takes the options of `trainer train`, so that its command serves with another verb; shards and output are not
    looked at.
    """

    shards: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]] = ("SHARDS",)
    """Not looked at."""
    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]] = "OUTPUT"
    """Not looked at."""
    gpu_gb: NotIdentity[float | None] = None
    """Memory of a GPU, in 10^9 bytes, 80 by default; with device cpu what a worker has of its machine, by default its
    share of this one's."""
    tokens_per_text: NotIdentity[float] = 15.5
    """Mean tokens of a caption, [SOS] and [EOS] included; LAION's by default."""

    def _check(self) -> None:
        check_at_least(self, {"tokens_per_text": 1})
        for name in ("gpu_gb", "tokens_per_text"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, found {value!r}")
