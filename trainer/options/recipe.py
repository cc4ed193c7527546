"""The recipe: the preset's, and what replaces it."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class RecipeOptions(OptionGroup):
    """The recipe: the preset's, and what replaces it."""

    tuning: NotIdentity[Literal["larger-images", "unmasked", "all-weights"] | None] = None
    """Of given weights: learning rate and epochs of a known way to train them on, in place of the preset's: one epoch
    on larger images (CLIP paper 2.5: 2e-5), a short end without patch dropout (FLIP: 5e-6, 0.3 epochs), all weights on
    other data (WiSE-FT: 1e-5, one epoch)."""
    epochs: float | None = None
    """Passes over the samples; the preset's by default (CLIP paper: 32)."""
    samples: int | None = None
    """Samples to see in all, in place of epochs."""
    global_batch_size: int | None = None
    """Samples per step over all workers; the preset's by default (CLIP paper: 32,768)."""
    learning_rate: float | None = None
    """Peak learning rate; the preset's by default (CLIP paper, Table 19)."""
    weight_decay: float | None = None
    """Decoupled decay of weights; the preset's by default (CLIP paper: 0.2)."""
    warmup_steps: int | None = None
    """Steps of linear warm-up; the preset's by default (CLIP paper: 2,000), at most a tenth of the run."""

    def _check(self) -> None:
        check_at_least(self, {"global_batch_size": 2, "warmup_steps": 0, "samples": 1})
        if self.samples is not None and self.epochs is not None:
            raise ValueError("give epochs or samples, not both")
        for name in ("epochs", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, found {value!r}")
        if self.weight_decay is not None and not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay must be at least 0, found {self.weight_decay!r}")
