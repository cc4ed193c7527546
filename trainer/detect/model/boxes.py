"""Boxes as rows of four numbers, in two forms, and how much two of them have in common.

Shapes: N and M boxes. By centre: x and y of the centre, width, height. By corners: left, top, right, bottom. The unit
is the caller's, the same for all numbers; y grows downwards.
"""

import torch


def to_corners(boxes_N4: torch.Tensor) -> torch.Tensor:
    """Return ``[..., 4]`` by corners of boxes by centre."""
    centre, size = boxes_N4[..., :2], boxes_N4[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def to_centres(boxes_N4: torch.Tensor) -> torch.Tensor:
    """Return ``[..., 4]`` by centre of boxes by corners."""
    first, last = boxes_N4[..., :2], boxes_N4[..., 2:]
    return torch.cat([(first + last) / 2, last - first], dim=-1)


def area(boxes_N4: torch.Tensor) -> torch.Tensor:
    """Return ``[...]``, the areas of boxes by corners; 0 where a side would be negative."""
    return (boxes_N4[..., 2:] - boxes_N4[..., :2]).clamp(min=0).prod(dim=-1)


def pairwise_iou(first_N4: torch.Tensor, second_M4: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``[..., N, M]`` twice: intersection over union, and the union; of boxes by corners.

    Leading dimensions are those of both. Two boxes without an area have 0.
    """
    a, b = first_N4[..., :, None, :], second_M4[..., None, :, :]
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    union = area(first_N4)[..., :, None] + area(second_M4)[..., None, :] - shared
    return shared / union.clamp(min=torch.finfo(union.dtype).tiny), union


def pairwise_giou(first_N4: torch.Tensor, second_M4: torch.Tensor) -> torch.Tensor:
    """Return ``[..., N, M]``: generalized IoU, -1 .. 1, of boxes by corners (Rezatofighi et al., arXiv 1902.09630).

    The IoU less the part of the smallest box around both that neither covers.
    """
    iou, union = pairwise_iou(first_N4, second_M4)
    a, b = first_N4[..., :, None, :], second_M4[..., None, :, :]
    around = torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], dim=-1)
    around_area = area(around)
    return iou - (around_area - union) / around_area.clamp(min=torch.finfo(union.dtype).tiny)
