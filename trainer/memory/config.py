"""The options of `trainer plan`. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup, check_at_least
from trainer.presets import find_preset


@dataclass(frozen=True, kw_only=True)
class MemoryPlanConfig(OptionGroup):
    """Tell what of a GPU's memory a training takes, and how many rows fit at a time; needs no GPU."""

    model: Annotated[str, tyro.conf.arg(metavar="NAME")] = "vit-b-32"
    """Name of the preset."""
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Of matrix products."""
    global_batch_size: int | None = None
    """Samples per step over all workers; the preset's by default."""
    num_workers: int = 1
    """GPUs, one to a worker."""
    gpu_gb: float = 80.0
    """Memory of a GPU, in 10^9 bytes."""
    tokens_per_text: float = 15.5
    """Mean tokens of a caption, [SOS] and [EOS] included; LAION's by default."""

    def _check(self) -> None:
        find_preset(self.model)
        check_at_least(self, {"global_batch_size": 2, "num_workers": 1, "tokens_per_text": 1})
        if not 0 < self.gpu_gb < float("inf"):
            raise ValueError(f"gpu_gb must be above 0 and finite, found {self.gpu_gb!r}")
        if self.global_batch_size is not None and self.global_batch_size < 2 * self.num_workers:
            raise ValueError(
                f"global_batch_size must be at least 2 per worker, found {self.global_batch_size!r} "
                f"for {self.num_workers} workers"
            )
