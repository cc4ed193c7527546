"""Weights, gradients and statistics shared out over the workers: FSDP2 (ZeRO-3, arXiv 1910.02054).

What is gathered together, and given up after use:

    a block                 its linear maps or convolutions  in half precision where products are
    an attention pool       its linear maps                  in half precision where products are
    an encoder              embeddings, normalisations, projections, stem: in the weights' own precision

so each number is what autocast would make of the whole weight. Scalars (logit scale and bias), and what is kept in
another precision than the rest of its encoder, stay whole on each worker.

A block is gathered when it is called, so what is inside of a call is left alone: that it is computed again in the
backward pass, and that it is compiled (`trainer.model.set_up`, before the model is sharded, as in torchtitan).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor

from trainer.model.clip import CLIP
from trainer.model.resnet import AttentionPool, Bottleneck
from trainer.model.transformer import Block
from trainer.workers.distributed import World


def shard_model(model: CLIP, world: World, *, products: torch.dtype | None = None) -> None:
    """Leave this worker its rows of each weight of `model`, which all workers hold alike; DTensors afterwards.

    `products`: autocast's type. Called before the optimizer and Ema are made.
    """
    model.lay_out(torch.contiguous_format)  # FSDP2 takes no other
    mesh = init_device_mesh(world.device.type, (world.size,))
    half = MixedPrecisionPolicy(param_dtype=products, reduce_dtype=torch.float32, cast_forward_inputs=False)
    own = MixedPrecisionPolicy(cast_forward_inputs=False)
    parts = dict(gathered_together(model))
    in_parts = {weight for maps in parts.values() for weight in maps}
    whole = {parameter for parameter in model.parameters() if parameter.ndim == 0}
    # encoders before their parts: FSDP2 looks into no module that has been sharded, and normalisations lie in the parts
    for encoder in (model.image_encoder, model.text_encoder):
        rest = [one for one in encoder.parameters() if one not in in_parts]
        whole |= {one for one in rest if one.dtype != rest[0].dtype}
        fully_shard(encoder, mesh=mesh, mp_policy=own, ignored_params=whole | in_parts)
    for part, maps in parts.items():
        others = {one for one in part.parameters() if one not in maps}
        fully_shard(part, mesh=mesh, mp_policy=own if products is None else half, ignored_params=others)
    fully_shard(model, mesh=mesh, mp_policy=own, ignored_params=whole)
    for method in ("encode_images", "encode_texts"):
        register_fsdp_forward_method(model, method)


def is_sharded(model: nn.Module) -> bool:
    """Tell whether each worker has its rows of the model alone."""
    return isinstance(model, FSDPModule)


def gathered_together(model: CLIP) -> Iterator[tuple[nn.Module, set[nn.Parameter]]]:
    """Yield each module that is gathered when it is called, with the weights and biases of its maps."""
    for module in model.modules():
        if isinstance(module, Block | Bottleneck | AttentionPool):
            maps = [one for one in module.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
            yield module, {weight for one in maps for weight in one.parameters()}


def average_whole_gradients(model: nn.Module, world: World) -> None:
    """Average over the workers the gradients of what each of them holds whole; FSDP has averaged the others."""
    found = [one.grad for one in model.parameters() if one.grad is not None and not isinstance(one, DTensor)]
    for dtype in sorted({gradient.dtype for gradient in found}, key=str):
        gradients = [gradient for gradient in found if gradient.dtype == dtype]
        joined = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(joined)
        joined /= world.size
        for gradient, mean in zip(gradients, joined.split([one.numel() for one in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """Have all weights whole on all workers inside: forward passes then wait for no other worker.

    So workers may make different numbers of them. All enter it together. Without FSDP nothing happens.
    """
    shards = [module for module in model.modules() if isinstance(module, FSDPModule)]
    if isinstance(model, FSDPModule):
        model._get_fsdp_state()._lazy_init()  # the first forward pass of the whole model does it else
    for module in shards:
        module.set_reshard_after_forward(False, recurse=False)
        module.set_reshard_after_backward(False, recurse=False)
        module.unshard()
    try:
        yield
    finally:
        for module in shards:
            module.set_reshard_after_forward(True, recurse=False)
            module.set_reshard_after_backward(True, recurse=False)
            module.reshard()


@contextmanager
def gradients_kept(model: nn.Module) -> Iterator[None]:
    """Let workers add up gradients inside, and average them in the first backward pass after it."""
    assert isinstance(model, FSDPModule)
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)
