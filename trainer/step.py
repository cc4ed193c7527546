"""One optimizer step on one global batch."""

import torch
from torch import nn

from trainer.data.loader import Batch
from trainer.distributed import World
from trainer.loss import contrastive_loss
from trainer.model.clip import CLIP


def train_step(
    wrapped: nn.Module,
    model: CLIP,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    world: World,
    *,
    global_batch_size: int,
    learning_rate: float,
    autocast: bool,
) -> torch.Tensor:
    """Forward, backward, update; return this worker's share of the loss (see `contrastive_loss`), detached.

    `wrapped` is `model`, in DistributedDataParallel when there are several workers. Under autocast features
    are normalised, and logits made, in float32.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    device = world.device
    images = batch.images_b3PP.to(device, non_blocking=True)
    texts = batch.texts.to(device, non_blocking=True)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        image_features_bE, text_features_bE, logit_scale = wrapped(images, texts)
    loss = contrastive_loss(image_features_bE.float(), text_features_bE.float(), logit_scale, world, global_batch_size)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    model.clamp_logit_scale()
    return loss.detach()
