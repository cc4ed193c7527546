"""Patches as a linear map on pixels: what the convolution gives for normalised images."""

import pytest
import torch
import torch.nn.functional as F

from trainer.model.patches import cut_patches, embed_patches

SCALE, SHIFT = torch.tensor([0.02, 0.01, 0.03], dtype=torch.float64), torch.tensor([-1.0, -2, 0.5], dtype=torch.float64)


def images() -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, 12, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def by_convolution(pixels: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    normalised = pixels.double() * SCALE[:, None, None] + SHIFT[:, None, None]
    return F.conv2d(normalised, weight, stride=weight.shape[-1]).flatten(2).transpose(1, 2)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_the_convolution(layout: torch.memory_format) -> None:
    weight = torch.randn(5, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    patches = cut_patches(images().contiguous(memory_format=layout), 4)
    assert (patches.dtype, patches.shape) == (torch.uint8, (2, 6, 48))
    found = embed_patches(patches, weight, SCALE, SHIFT, torch.float64)
    wanted = by_convolution(images(), weight)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    weights = torch.linspace(-1, 1, found.numel(), dtype=torch.float64).view_as(found)
    (gradient,) = torch.autograd.grad((found * weights).sum(), weight)
    torch.testing.assert_close(gradient, torch.autograd.grad((wanted * weights).sum(), weight)[0], rtol=0, atol=1e-11)


def test_one_patch_an_image_leaves_the_images_as_they_are() -> None:
    pixels = images()[..., :8, :].double()
    before = pixels.clone()
    embed_patches(cut_patches(pixels, 8), torch.randn(5, 3, 8, 8).double(), SCALE, SHIFT, torch.float64)
    assert torch.equal(pixels, before)


def test_half_precision_rounds_weights_alone() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal((every.to(torch.bfloat16) - 128).double(), every.double() - 128)
    weight = torch.randn(64, 3, 4, 4)
    scale, shift = SCALE.float(), SHIFT.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = embed_patches(cut_patches(images(), 4), weight, scale, shift, torch.bfloat16)
    wanted = by_convolution(images(), weight.double())
    assert found.dtype == torch.bfloat16
    assert (found - wanted).norm() < 0.005 * wanted.norm()
