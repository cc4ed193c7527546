"""The loss, and how many rows at a time its gradients are made of."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity
from trainer.presets import LossName


@dataclass(frozen=True, kw_only=True)
class LossOptions(OptionGroup):
    """The loss, and how many rows at a time its gradients are made of."""

    loss: LossName = "contrastive"
    """contrastive: each image is told from all texts of the global batch, and each text from all images (CLIP paper,
    figure 3); sigmoid: each pair by itself, with a learnt bias (SigLIP, arXiv 2303.15343)."""
    micro_batch: NotIdentity[int | Literal["auto"]] = "auto"
    """Rows that each worker gives the model at a time; the gradient is that of the whole batch (GradCache, arXiv
    2101.06983). auto: on a GPU as many as fit, on a CPU all. Of ResNets BatchNorm sees them, so they belong to the
    recipe: auto takes the preset's, and a number stays that of the run."""

    def _check(self) -> None:
        if self.micro_batch != "auto" and self.micro_batch < 1:
            raise ValueError(f"micro_batch must be auto or at least 1, found {self.micro_batch!r}")
