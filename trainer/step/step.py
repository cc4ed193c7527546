"""One optimizer step on one global batch: gradients, then the update."""

import torch
from torch import nn
from torch.profiler import record_function

from trainer.data.batch import Batch
from trainer.optim.gradients import Applied
from trainer.step.backward import backward
from trainer.step.update import Updater
from trainer.workers.distributed import World


def train_step(
    wrapped: nn.Module,
    updater: Updater,
    batch: Batch,
    world: World,
    *,
    step: int,
    global_batch_size: int,
    learning_rate: float,
    autocast: torch.dtype | None,
    micro_batch: int | None = None,
) -> tuple[torch.Tensor, Applied]:
    """Forward, backward, update; return this worker's share of the loss (see `contrastive_loss`) and the update.

    `wrapped` is the model of `updater`, in DistributedDataParallel when there are several workers. A step whose
    gradients are not finite changes nothing.
    """
    updater.keep_buffers()
    with record_function("backward"):
        loss = backward(
            wrapped, batch, world, global_batch_size=global_batch_size, autocast=autocast, scaler=updater.scaler,
            micro_batch=micro_batch,
        )  # fmt: skip
    with record_function("update"):
        return loss, updater.update(step, learning_rate)
