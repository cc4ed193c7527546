"""Position embeddings of images of one size made those of another, as open_clip does it.

Shapes: L positions (the class token or the pool's query first, then the grid row by row), C channels, G grid side.
"""

import math

import torch
import torch.nn.functional as F


def resize_positions(positions_LC: torch.Tensor, wanted: int) -> torch.Tensor:
    """Return `wanted` positions: the first as it is, the grid interpolated (bicubic, antialiased), in float32.

    Raises ValueError when either is no square grid and one more.
    """
    found = len(positions_LC)
    old_side, new_side = math.isqrt(max(0, found - 1)), math.isqrt(max(0, wanted - 1))
    if found != old_side**2 + 1 or wanted != new_side**2 + 1 or not old_side or not new_side:
        raise ValueError(f"{found} positions cannot become {wanted}: expected a square grid and one more of both")
    if found == wanted:
        return positions_LC
    first_1C, grid_LC = positions_LC[:1].float(), positions_LC[1:].float()
    grid_1CGG = grid_LC.reshape(1, old_side, old_side, -1).permute(0, 3, 1, 2)
    grid_1CGG = F.interpolate(grid_1CGG, size=(new_side, new_side), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([first_1C, grid_1CGG.permute(0, 2, 3, 1).reshape(new_side**2, -1)])
