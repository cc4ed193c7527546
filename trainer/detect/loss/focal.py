"""Focal loss of sigmoids: what is certain already counts little (Lin et al., arXiv 1708.02002)."""

import torch
import torch.nn.functional as F

ALPHA, GAMMA = 0.3, 2.0
"""Weight of what is there, and how fast the weight of what is certain falls (OWL-ViT's released configurations)."""


def focal_terms(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return, in the shape of `logits`, the loss of each where the answer is yes, and where it is no."""
    probability = torch.sigmoid(logits)
    yes = ALPHA * (1 - probability) ** GAMMA * -F.logsigmoid(logits)
    no = (1 - ALPHA) * probability**GAMMA * -F.logsigmoid(-logits)
    return yes, no
