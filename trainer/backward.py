"""Gradients of one global batch: forward, loss, backward."""

import torch
from torch import nn

from trainer.data.batch import Batch
from trainer.distributed import World
from trainer.loss.batch_loss import batch_loss


def backward(
    wrapped: nn.Module,
    batch: Batch,
    world: World,
    *,
    global_batch_size: int,
    autocast: torch.dtype | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> torch.Tensor:
    """Fill `.grad` with the gradient of the loss over the global batch; return this worker's share of it, detached.

    `wrapped` is the model, in DistributedDataParallel when there are several workers; what `.grad` held before is
    dropped. Under autocast features are normalised, and logits made, in float32. Gradients are multiplied by the
    scale of `scaler`, the loss is not.
    """
    wrapped.zero_grad(set_to_none=True)
    device = world.device
    images = batch.images_b3PP.to(device, non_blocking=True)
    texts = batch.texts.to(device, non_blocking=True)
    with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
        outputs = wrapped(images, texts)
    loss = batch_loss(outputs, world, global_batch_size)
    (loss if scaler is None else scaler.scale(loss)).backward()
    return loss.detach()
