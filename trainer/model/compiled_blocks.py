"""torch.compile for the blocks one by one: a graph serves all blocks of a kind, so the first step waits for few.

What varies from batch to batch, the number of tokens, is dynamic from the start: one graph for all lengths of captions.
Shapes: T tokens of all texts, C channels.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP

MOST_GRAPHS = 64
"""Kinds of blocks that one function may have: widths, strides, with gradient and without."""


def compile_blocks(model: CLIP, backend: str = "inductor") -> None:
    """Have each block compiled when it is first called. A block that torch cannot take whole is an error then."""
    torch._dynamo.config.recompile_limit = max(MOST_GRAPHS, torch._dynamo.config.recompile_limit)
    for name, block in blocks_of(model).items():
        # what is called, not the call: FSDP's hooks around it are none of the graph's business
        compiled = torch.compile(block.forward, fullgraph=True, backend=backend)
        vars(block)["forward"] = _of_any_length(compiled) if name.startswith("text_encoder.") else compiled


def _of_any_length(compiled: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return `compiled` with its first input's rows dynamic.

    Marked here, and always a view, for FSDP's hooks hand over a view of what they were given in the forward pass, the
    same tensor where a block is recomputed: that would be two graphs.
    """

    def forward(x_TC: torch.Tensor, *others: Any, **options: Any) -> torch.Tensor:
        view_TC = x_TC.view_as(x_TC)
        torch._dynamo.maybe_mark_dynamic(view_TC, 0)
        return compiled(view_TC, *others, **options)

    return forward


def is_compiled(block: nn.Module) -> bool:
    return "forward" in vars(block)
