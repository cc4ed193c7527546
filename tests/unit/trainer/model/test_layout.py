"""Blocks over images, padded and packed texts: a sample's own position alone, or all of them, is the same."""

import pytest
import torch

from trainer.data.packed_texts import PackedTexts
from trainer.model.layout import Images, Layout, Padded, packed
from trainer.model.transformer import Transformer

TEXTS = PackedTexts.from_rows([[1, 2], [3, 4, 5, 6], [7], [8, 9]])
TOKENS_NL, EOS_N = TEXTS.padded(5)
LAYOUTS = {
    "images": (Images(), (4, 5, 16)),
    "padded": (Padded(EOS_N), (4, 5, 16)),
    "packed": (packed(TEXTS, 5, flash=False), (9, 16)),
}


def make() -> Transformer:
    torch.manual_seed(0)
    return Transformer(16, 2, 2).double()


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_pooled_last_block_is_the_whole_one_at_each_samples_position(name: str) -> None:
    layout: Layout
    layout, shape = LAYOUTS[name]
    model, x = make(), torch.randn(shape, dtype=torch.float64)
    found, wanted = model(x, layout), layout.pool(model(x, layout, pooled=False))
    assert found.shape == (4, 16)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-13)
    weights = torch.linspace(-1, 1, found.numel(), dtype=torch.float64).view_as(found)
    gradients = torch.autograd.grad((found * weights).sum(), list(model.parameters()))
    expected = torch.autograd.grad((wanted * weights).sum(), list(model.parameters()))
    for gradient, one in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, one, rtol=0, atol=1e-12)


def test_packed_positions_are_the_padded_ones() -> None:
    model = make()
    padded, lies = torch.randn(4, 5, 16, dtype=torch.float64), packed(TEXTS, 5, flash=False)
    is_token = torch.arange(5) <= EOS_N[:, None]
    wanted = model(padded, Padded(EOS_N), pooled=False)[is_token]
    torch.testing.assert_close(model(padded[is_token], lies, pooled=False), wanted, rtol=0, atol=1e-13)


def test_images_see_all_their_positions() -> None:
    model, x = make(), torch.randn(2, 5, 16, dtype=torch.float64)
    swapped = x[:, [0, 4, 3, 2, 1]]
    torch.testing.assert_close(model(swapped, Images()), model(x, Images()), rtol=0, atol=1e-13)
