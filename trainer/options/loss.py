"""The loss, and how many rows at a time its gradients are made of."""

from dataclasses import dataclass

from schemas.option_group import OptionGroup
from trainer.presets import LossName


@dataclass(frozen=True, kw_only=True)
class LossOptions(OptionGroup):
    """The loss, and how many rows at a time its gradients are made of."""

    loss: LossName = "contrastive"
    """contrastive: each image is told from all texts of the global batch, and each text from all images (CLIP paper,
    figure 3); sigmoid: each pair by itself, with a learnt bias (SigLIP, arXiv 2303.15343)."""
