"""A drawing in, random views of it out: in perspective, cropped, on white (CLIPDraw, section 3; its two augmentations).

Shapes: N views, S pixels per side of the drawing, P of a view.
"""

import torch
import torch.nn.functional as F

DISTORTION = 0.5
"""A corner moves inwards by at most so much of half a side, along each axis."""
CROPPED = (0.7, 0.9)
"""Least and most of the area that a crop keeps."""


def random_views(image_3SS: torch.Tensor, num: int, image_px: int, generator: torch.Generator) -> torch.Tensor:
    """Return ``[N, 3, P, P]``; what lies outside of the drawing is white (1). Gradients flow to the drawing."""
    maps_N33 = random_maps(num, generator).to(image_3SS)
    steps_P = (2 * torch.arange(image_px, dtype=image_3SS.dtype, device=image_3SS.device) + 1) / image_px - 1
    columns_PP, rows_PP = torch.meshgrid(steps_P, steps_P, indexing="xy")
    places_P3 = torch.stack([columns_PP, rows_PP, torch.ones_like(rows_PP)], dim=-1).view(-1, 3)
    mapped_NP3 = places_P3 @ maps_N33.transpose(1, 2)
    grid_NPP2 = (mapped_NP3[..., :2] / mapped_NP3[..., 2:]).view(num, image_px, image_px, 2)
    dark_N3SS = (image_3SS - 1)[None].expand(num, -1, -1, -1)
    return F.grid_sample(dark_N3SS, grid_NPP2, padding_mode="zeros", align_corners=False) + 1


def random_maps(num: int, generator: torch.Generator) -> torch.Tensor:
    """Return homographies ``[N, 3, 3]``, float64, from a view to the drawing, both -1 .. 1.

    The crop first, then the perspective whose corners were moved back to those of the drawing.
    """
    corners_42 = torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=torch.float64)
    moved_N42 = corners_42 * (1 - DISTORTION * torch.rand((num, 4, 2), generator=generator, dtype=torch.float64))
    area_N = CROPPED[0] + (CROPPED[1] - CROPPED[0]) * torch.rand(num, generator=generator, dtype=torch.float64)
    side_N = area_N.sqrt()
    centre_N2 = (1 - side_N)[:, None] * (2 * torch.rand((num, 2), generator=generator, dtype=torch.float64) - 1)
    crop_N33 = torch.zeros((num, 3, 3), dtype=torch.float64)
    crop_N33[:, 0, 0] = crop_N33[:, 1, 1] = side_N
    crop_N33[:, :2, 2] = centre_N2
    crop_N33[:, 2, 2] = 1
    return homographies(moved_N42, corners_42.expand(num, 4, 2)) @ crop_N33


def homographies(begins_N42: torch.Tensor, ends_N42: torch.Tensor) -> torch.Tensor:
    """Return ``[N, 3, 3]`` that map four points onto four others; the last number of each is 1."""
    x, y = begins_N42.unbind(dim=-1)
    u, v = ends_N42.unbind(dim=-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    columns_N48 = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1)
    rows_N48 = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1)
    numbers_N8 = torch.linalg.solve(torch.cat([columns_N48, rows_N48], dim=1), torch.cat([u, v], dim=1))
    return torch.cat([numbers_N8, torch.ones_like(numbers_N8[:, :1])], dim=1).view(-1, 3, 3)
