"""Where a patch's box is before anything is learnt: at its own place in the grid, of its own size.

Shapes: L patches, row by row; G patches a side.
"""

import torch

_LEAST = 1e-4
"""Logits stay finite: a box of a grid of one patch is as large as the image."""


def grid_bias(side: int) -> torch.Tensor:
    """Return ``[L, 4]``, L = `side` squared: what is added before the sigmoid to a box by centre (OWL-ViT, 3.1).

    Of the patch in row i and column j its sigmoid is ((j + 0.5) / G, (i + 0.5) / G, 1 / G, 1 / G) of the image.
    """
    centres = (torch.arange(side) + 0.5) / side
    y_GG, x_GG = torch.meshgrid(centres, centres, indexing="ij")
    size_GG = torch.full((side, side), 1 / side)
    boxes_L4 = torch.stack([x_GG, y_GG, size_GG, size_GG], dim=-1).reshape(-1, 4)
    return torch.logit(boxes_L4, eps=_LEAST)
