"""Attention inside each of many texts whose tokens stand one after another, without padding.

Shapes: T tokens of all texts, S queries, N texts, H heads, D channels of a head; in a group n texts of L tokens each.

    S = T: each token sees those of its text up to itself.      S = N: one query a text, which sees all its tokens.

By torch's kernel for variable lengths where that runs (CUDA, half precision), elsewhere a group of consecutive texts
of equal length at a time, in any precision: sorted by length, texts need no padding here either. The latter is one
operator to `torch.compile`, so lengths never change a graph.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn

CAUSAL, WHOLE = (-1, 0), (-1, -1)
"""Windows of torch's kernel: how far a query sees to the left and right, -1 being without bound."""


def attend_flash(
    query_SHD: torch.Tensor,
    key_THD: torch.Tensor,
    value_THD: torch.Tensor,
    starts_N1: torch.Tensor,
    max_length: int,
    causal: bool,
) -> torch.Tensor:
    """Return the mixed values ``[S, H, D]`` by `torch.nn.attention.varlen`: CUDA, bfloat16 or float16.

    `causal`: a query for each token, else for each text.
    """
    if causal:
        mixed = varlen_attn(
            query_SHD, key_THD, value_THD, starts_N1, starts_N1, max_length, max_length, window_size=CAUSAL
        )
    else:
        each_N1 = torch.arange(len(starts_N1), dtype=torch.int32, device=starts_N1.device)
        mixed = varlen_attn(query_SHD, key_THD, value_THD, each_N1, starts_N1, 1, max_length, window_size=WHOLE)
    assert isinstance(mixed, torch.Tensor)
    return mixed


@torch.library.custom_op("webimagetext::attend_by_length", mutates_args=())
def attend_by_length(
    query_SHD: torch.Tensor, key_THD: torch.Tensor, value_THD: torch.Tensor, lengths_N: torch.Tensor, causal: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (mixed values ``[S, H, D]``, log-sum-exp of the scores ``[S, H]``).

    `lengths_N`, int64 on the host, are those of the texts. `causal`: a query for each token, else for each text.
    """
    mixed_SHD = torch.empty_like(query_SHD, memory_format=torch.contiguous_format)
    lse_SH = query_SHD.new_empty(query_SHD.shape[:2], dtype=_sum_dtype(query_SHD.dtype))
    for queries, tokens, num in _groups(lengths_N, causal):
        query, key, value = (_heads(x, num) for x in (query_SHD[queries], key_THD[tokens], value_THD[tokens]))
        mixed, lse_nHL = _forward(query, key, value, causal)
        mixed_SHD[queries] = mixed.transpose(1, 2).flatten(0, 1)
        lse_SH[queries] = lse_nHL.transpose(1, 2).flatten(0, 1)
    return mixed_SHD, lse_SH


@torch.library.custom_op("webimagetext::attend_by_length_backward", mutates_args=())
def attend_by_length_backward(
    gradient_SHD: torch.Tensor,
    query_SHD: torch.Tensor,
    key_THD: torch.Tensor,
    value_THD: torch.Tensor,
    mixed_SHD: torch.Tensor,
    lse_SH: torch.Tensor,
    lengths_N: torch.Tensor,
    causal: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of query, key and value."""
    to_query, to_key, to_value = _room_for_gradients(query_SHD, key_THD, value_THD)
    for queries, tokens, num in _groups(lengths_N, causal):
        gradient, query, mixed = (_heads(x[queries], num) for x in (gradient_SHD, query_SHD, mixed_SHD))
        key, value = _heads(key_THD[tokens], num), _heads(value_THD[tokens], num)
        lse_nHL = lse_SH[queries].unflatten(0, (num, -1)).transpose(1, 2)
        found = _backward(gradient, query, key, value, mixed, lse_nHL, causal)
        for whole, part, rows in zip((to_query, to_key, to_value), found, (queries, tokens, tokens), strict=True):
            whole[rows] = part.transpose(1, 2).flatten(0, 1)
    return to_query, to_key, to_value


def _room_for_gradients(
    query_SHD: torch.Tensor, key_THD: torch.Tensor, value_THD: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    query, key, value = (
        torch.empty_like(x, memory_format=torch.contiguous_format) for x in (query_SHD, key_THD, value_THD)
    )
    return query, key, value


def _groups(lengths_N: torch.Tensor, causal: bool) -> Iterator[tuple[slice, slice, int]]:
    """Yield (queries, tokens, number of texts) of each run of texts of equal length."""
    texts = tokens = 0
    runs, nums = torch.unique_consecutive(lengths_N, return_counts=True)
    for length, num in zip(runs.tolist(), nums.tolist(), strict=True):
        own = slice(tokens, tokens + num * length)
        yield own if causal else slice(texts, texts + num), own, num
        texts, tokens = texts + num, own.stop


def _heads(x_SHD: torch.Tensor, num: int) -> torch.Tensor:
    """Return ``[n, H, L, D]``, a view."""
    return x_SHD.unflatten(0, (num, -1)).transpose(1, 2)


def _sum_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _forward(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, causal: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    if query.device.type != "cpu":
        return forward_by_products(query, key, value, causal)
    mixed, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal)
    return mixed, lse


def _backward(
    gradient: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    mixed: torch.Tensor, lse: torch.Tensor, causal: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    if query.device.type != "cpu":
        return backward_by_products(gradient, query, key, value, mixed, lse, causal)
    to_query, to_key, to_value = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
        gradient, query, key, value, mixed, lse, 0.0, causal
    )
    return to_query, to_key, to_value


def forward_by_products(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, causal: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (mixed values, log-sum-exp of the scores) of queries, keys and values ``[n, H, L, D]``, anywhere."""
    scores = _scores(query, key, causal)
    lse = scores.logsumexp(-1)
    return (scores - lse[..., None]).exp().to(value.dtype) @ value, lse


def backward_by_products(
    gradient: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    mixed: torch.Tensor, lse: torch.Tensor, causal: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """Return the gradients of query, key and value from what `forward_by_products` returned."""
    shares = (_scores(query, key, causal) - lse[..., None]).exp()
    along = (gradient * mixed).sum(-1, keepdim=True)
    to_scores = (shares * (gradient @ value.transpose(-1, -2) - along) * query.shape[-1] ** -0.5).to(query.dtype)
    to_value = shares.to(query.dtype).transpose(-1, -2) @ gradient
    return to_scores @ key, to_scores.transpose(-1, -2) @ query, to_value


def _scores(query: torch.Tensor, key: torch.Tensor, causal: bool) -> torch.Tensor:
    scores = (query @ key.transpose(-1, -2)).to(_sum_dtype(query.dtype)) * query.shape[-1] ** -0.5
    if causal:
        length = scores.shape[-1]
        later = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    return scores


@attend_by_length.register_fake
def _fake(
    query_SHD: torch.Tensor, key_THD: torch.Tensor, value_THD: torch.Tensor, lengths_N: torch.Tensor, causal: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    lse_SH = query_SHD.new_empty(query_SHD.shape[:2], dtype=_sum_dtype(query_SHD.dtype))
    return torch.empty_like(query_SHD, memory_format=torch.contiguous_format), lse_SH


@attend_by_length_backward.register_fake
def _fake_backward(
    gradient_SHD: torch.Tensor,
    query_SHD: torch.Tensor,
    key_THD: torch.Tensor,
    value_THD: torch.Tensor,
    mixed_SHD: torch.Tensor,
    lse_SH: torch.Tensor,
    lengths_N: torch.Tensor,
    causal: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _room_for_gradients(query_SHD, key_THD, value_THD)


def _keep(ctx: Any, inputs: tuple, output: tuple[torch.Tensor, torch.Tensor]) -> None:
    *tensors, causal = inputs
    ctx.save_for_backward(*tensors, *output)
    ctx.causal = causal


def _differentiate(ctx: Any, gradient_SHD: torch.Tensor, _: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
    query, key, value, lengths, mixed, lse = ctx.saved_tensors
    causal = ctx.causal
    found = attend_by_length_backward(gradient_SHD, query, key, value, mixed, lse, lengths, causal)
    return (*found, None, None)


attend_by_length.register_autograd(_differentiate, setup_context=_keep)
