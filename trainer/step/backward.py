"""Gradients of one global batch: forward, loss, backward; at once or micro-batch by micro-batch."""

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule

from trainer.data.batch import Batch
from trainer.loss.batch_loss import batch_loss
from trainer.step.grad_cache import Outputs, cached_backward
from trainer.step.micro_batches import micro_batches
from trainer.step.sharding import average_whole_gradients
from trainer.workers.distributed import World, most_rows


def backward(
    wrapped: nn.Module,
    batch: Batch,
    world: World,
    *,
    global_batch_size: int,
    autocast: torch.dtype | None = None,
    scaler: torch.amp.GradScaler | None = None,
    micro_batch: int | None = None,
) -> torch.Tensor:
    """Fill `.grad` with the gradient of the loss over the global batch; return this worker's share of it, detached.

    `wrapped` is the model, in DistributedDataParallel or sharded when there are several workers; what `.grad` held
    before is dropped. Under autocast features are normalised, and logits made, in float32. Gradients are multiplied by
    the scale of `scaler`, the loss is not. The model sees `micro_batch` rows at a time where a worker has more.
    """
    wrapped.zero_grad(set_to_none=True)
    device = world.device
    images_b3PP = batch.images_b3PP.to(device, non_blocking=True)
    texts = batch.texts.to(device, non_blocking=True)
    places_b = batch.places(device)

    def loss_of(outputs: Outputs) -> torch.Tensor:
        return batch_loss(outputs, world, global_batch_size)

    def scaled(loss: torch.Tensor) -> torch.Tensor:
        return loss if scaler is None else scaler.scale(loss)

    def in_precision() -> torch.autocast:
        return torch.autocast(device.type, dtype=autocast, enabled=autocast is not None)

    if micro_batch is not None and micro_batch < most_rows(global_batch_size, world):
        pieces = micro_batches(images_b3PP, texts, places_b, micro_batch)
        loss = cached_backward(wrapped, pieces, device, loss_of=loss_of, scaled=scaled, in_precision=in_precision)
    else:
        with in_precision():
            outputs = wrapped(images_b3PP, texts, places_b)
        loss = loss_of(outputs)
        scaled(loss).backward()
    if isinstance(wrapped, FSDPModule):
        average_whole_gradients(wrapped, world)
    return loss.detach()
