"""What a worker holds of a model from step to step, whatever its rows: weights, gradients, statistics, averages.

ddp     all of it
fsdp    its rows of each tensor (dimension 0 in equal pieces, the last ones padded); scalars whole. While a step
        goes on, weights besides that are gathered, and their gradients before they are reduced
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from trainer.model.clip import CLIP
from trainer.options.optim import OptimOptions
from trainer.step.sharding import gathered_together

FLOAT_BYTES, HALF_BYTES = 4, 2


@dataclass(frozen=True, kw_only=True)
class SteadyBytes:
    """Of one worker."""

    num_parameters: int
    """Of the whole model."""
    weights: int
    gradients: int
    """Of what is trained; locked parts have none."""
    optimizer: int
    averages: int
    """Of `--ema-decay`; float32."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.gradients + self.optimizer + self.averages


@dataclass(frozen=True, kw_only=True)
class GatheredBytes:
    """Of one worker of several that hold shards: the most that is whole at once, with its gradients."""

    whole: int
    """With micro-batches: everything, from the first forward pass of a step to its last backward."""
    at_once: int
    """Without: what an encoder has beside its blocks, and two groups of maps (one runs, one is on its way)."""


def steady_bytes(model: nn.Module, options: OptimOptions, shards: int = 1) -> SteadyBytes:
    """Return what a worker holds of `model`, as it trains, where it is shared out to so many `shards`."""
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    statistic = HALF_BYTES if options.adam_statistics == "bfloat16" else FLOAT_BYTES
    averaged = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    return SteadyBytes(
        num_parameters=sum(parameter.numel() for parameter in parameters),
        weights=_bytes(parameters, shards),
        gradients=_bytes(trained, shards),
        optimizer=sum(2 * statistic * held_elements(one, shards) + FLOAT_BYTES for one in trained),  # and its steps
        averages=sum(FLOAT_BYTES * held_elements(one, shards) for one in averaged) if options.ema_decay else 0,
    )


def gathered_bytes(model: CLIP, products: torch.dtype | None) -> GatheredBytes:
    """Return what is whole at once of a model that is shared out; `products`: autocast's type.

    Maps are gathered in it, all else in float32; gradients are reduced in float32.
    """
    size = FLOAT_BYTES if products is None else products.itemsize
    maps = [sum(one.numel() for one in weights) for _, weights in gathered_together(model)]
    rest = sum(parameter.numel() for parameter in model.parameters()) - sum(maps)
    of_rest = 2 * FLOAT_BYTES * rest
    largest = sum(sorted(maps)[-2:])
    return GatheredBytes(
        whole=of_rest + (size + FLOAT_BYTES) * sum(maps), at_once=of_rest + (size + FLOAT_BYTES) * largest
    )


def held_elements(tensor: torch.Tensor, shards: int) -> int:
    """Return how many elements of a tensor the worker with the most of it holds."""
    if not tensor.ndim:
        return 1
    rows = len(tensor)
    return -(-rows // shards) * (tensor.numel() // max(1, rows))


def _bytes(tensors: Iterable[torch.Tensor], shards: int) -> int:
    return sum(held_elements(tensor, shards) * tensor.element_size() for tensor in tensors)
