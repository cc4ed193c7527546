"""torch.compile for the blocks one by one: a graph serves all blocks of a kind, so the first step waits for few.

What varies from batch to batch, the number of tokens, is dynamic from the start: one graph for all lengths of captions.
"""

import torch
from torch import nn

from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP

MOST_GRAPHS = 64
"""Kinds of blocks that one function may have: widths, strides, with gradient and without."""


def compile_blocks(model: CLIP, backend: str = "inductor") -> None:
    """Have each block compiled when it is first called. A block that torch cannot take whole is an error then."""
    torch._dynamo.config.recompile_limit = max(MOST_GRAPHS, torch._dynamo.config.recompile_limit)
    for block in blocks_of(model).values():
        block.compile(fullgraph=True, backend=backend)


def is_compiled(block: nn.Module) -> bool:
    return block._compiled_call_impl is not None
