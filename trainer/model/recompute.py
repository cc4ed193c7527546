"""Activation checkpointing: a block's inner tensors are made again in the backward pass instead of being kept.

Exact: the same operations on the same input (Chen et al., arXiv 1604.06174). What a block does besides must not be done
twice: BatchNorm's running statistics stay as the first pass left them, where torch's checkpoints alone would move them
in both.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

MARK = "is_recomputed"
"""Attribute of a block whose inner tensors are not kept."""


def run_block(block: nn.Module, *inputs: Any, **options: Any) -> torch.Tensor:
    """Return ``block(*inputs, **options)``; a marked block keeps its inputs alone for the backward pass.

    Blocks draw nothing at random, so no state of generators is kept.
    """
    if not getattr(block, MARK, False) or not torch.is_grad_enabled():
        found: torch.Tensor = block(*inputs, **options)
    else:
        found = checkpoint(
            block,
            *inputs,
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=partial(_contexts, block),
            **options,
        )
    return found


def mark_blocks(blocks: dict[str, nn.Module], names: Collection[str]) -> None:
    """Have the named ones of `blocks` recomputed, and no others."""
    for name, block in blocks.items():
        setattr(block, MARK, name in names)


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _statistics_stay(block)


@contextmanager
def _statistics_stay(block: nn.Module) -> Iterator[None]:
    """Have the block's running statistics be as they are when it is left; inside it moves copies of them."""
    moving = [module for module in block.modules() if isinstance(module, _BatchNorm) and module.training]
    before = [dict(module._buffers) for module in moving]
    for module in moving:
        module._buffers.update({name: None if x is None else x.clone() for name, x in module._buffers.items()})
    try:
        yield
    finally:
        for module, buffers in zip(moving, before, strict=True):
            module._buffers.update(buffers)
