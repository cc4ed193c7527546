"""The patches of images as a linear map on their pixels, with the normalisation inside the map.

Shapes: N images, P pixels per side, G patches per side, p pixels per side of a patch, L = G * G, C channels.

With scale a and shift b per colour, W (a u + b) = (W a) u + W b: neither normalised images nor a convolution are made.
"""

import torch
import torch.nn.functional as F

CENTRE = 128
"""Taken off the pixels, which half precision holds exactly before and after: its rounding of W a then counts less."""


def cut_patches(images_N3PP: torch.Tensor, patch_px: int) -> torch.Tensor:
    """Return ``[N, L, 3 p p]``, patches by rows, in the images' type; images may be channels-last."""
    x_N3GpGp = images_N3PP.unflatten(3, (-1, patch_px)).unflatten(2, (-1, patch_px))
    return x_N3GpGp.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def embed_patches(
    patches_NLK: torch.Tensor,
    weight_C3pp: torch.Tensor,
    scale_3: torch.Tensor,
    shift_3: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Return ``[N, L, C]``: what the convolution of weight `weight_C3pp` gives for pixels ``scale * u + shift``.

    `patches_NLK` hold u in 0 .. 255 (`cut_patches`); `dtype` is that of the product.
    """
    scale_311, shift_311 = scale_3[:, None, None], shift_3[:, None, None]
    bias_C = (weight_C3pp * (shift_311 + CENTRE * scale_311)).sum((1, 2, 3))
    return F.linear(patches_NLK.to(dtype, copy=True).sub_(CENTRE), (weight_C3pp * scale_311).flatten(1), bias_C)
