"""Attention inside packed texts: each text's own, for any lengths, in any order of them."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.model.packed_attention import attend_by_length, backward_by_products, forward_by_products

HEADS, WIDTH = 2, 8


def text_by_text(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: list[int], causal: bool
) -> torch.Tensor:
    found, begin = [], 0
    for text, length in enumerate(lengths):
        tokens = slice(begin, begin + length)
        parts = (query[tokens] if causal else query[text : text + 1], key[tokens], value[tokens])
        mixed = F.scaled_dot_product_attention(*(x.transpose(0, 1) for x in parts), is_causal=causal)
        found.append(mixed.transpose(0, 1))
        begin += length
    return torch.cat(found)


def inputs(lengths: list[int], causal: bool, dtype: torch.dtype) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(len(lengths))
    sizes = (sum(lengths) if causal else len(lengths), sum(lengths), sum(lengths))
    return [
        torch.randn(size, HEADS, WIDTH, dtype=dtype, generator=generator).requires_grad_() for size in sizes
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.booleans())
def test_texts_do_not_see_one_another(lengths: list[int], causal: bool) -> None:
    parts = inputs(lengths, causal, torch.float64)
    mixed, _ = attend_by_length(*parts, torch.tensor(lengths), causal)
    wanted = text_by_text(*parts, lengths, causal)
    weights = torch.linspace(-1, 1, mixed.numel(), dtype=mixed.dtype).view_as(mixed)
    torch.testing.assert_close(mixed, wanted, rtol=0, atol=1e-14)
    found = torch.autograd.grad((mixed * weights).sum(), parts)
    for gradient, expected in zip(found, torch.autograd.grad((wanted * weights).sum(), parts), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-6), (torch.bfloat16, 0.02), (torch.float16, 0.003)])
def test_every_precision_is_taken(dtype: torch.dtype, within: float) -> None:
    lengths = [5, 5, 1, 3]
    parts = inputs(lengths, True, dtype)
    mixed, _ = attend_by_length(*parts, torch.tensor(lengths), True)
    exact = text_by_text(*(x.detach().double() for x in parts), lengths, True)
    assert mixed.dtype == dtype
    assert (mixed.double() - exact).abs().max() < within
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(mixed.sum(), parts))


@pytest.mark.parametrize("causal", [True, False])
def test_plain_products_give_what_the_kernel_gives(causal: bool) -> None:
    """Where there is no kernel, as on a GPU in float32."""
    parts = [torch.randn(3, HEADS, length, WIDTH, dtype=torch.float64) for length in (5 if causal else 1, 5, 5)]
    for x in parts:
        x.requires_grad_()
    wanted = F.scaled_dot_product_attention(*parts, is_causal=causal)
    gradient = torch.randn_like(wanted)
    mixed, lse = forward_by_products(*parts, causal)
    torch.testing.assert_close(mixed, wanted, rtol=0, atol=1e-14)
    found = backward_by_products(gradient, *parts, mixed, lse, causal)
    for one, expected in zip(found, torch.autograd.grad(wanted, parts, gradient), strict=True):
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-14)


def test_the_operator_keeps_to_what_compilers_rely_on() -> None:
    lengths = [2, 2, 4]
    parts = inputs(lengths, True, torch.float64)
    torch.library.opcheck(attend_by_length, (*parts, torch.tensor(lengths), True))
