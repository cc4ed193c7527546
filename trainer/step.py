"""One optimizer step on one global batch: gradients, then the update."""

import torch
from torch import nn

from trainer.backward import backward
from trainer.data.batch import Batch
from trainer.distributed import World
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

    `wrapped` is `model`, in DistributedDataParallel when there are several workers.
    """
    loss = backward(
        wrapped, batch, world,
        global_batch_size=global_batch_size, autocast=torch.bfloat16 if autocast else None,
    )  # fmt: skip
    update(model, optimizer, learning_rate)
    return loss


def update(model: CLIP, optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Take one step at `learning_rate` along the gradients that the parameters hold."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    model.clamp_logit_scale()
