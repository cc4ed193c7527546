"""The loss of what a model gives for this worker's rows of a global batch."""

from collections.abc import Sequence

import torch

from trainer.loss.contrastive import contrastive_loss
from trainer.loss.sigmoid import sigmoid_loss
from trainer.workers.distributed import World


def batch_loss(outputs: Sequence[torch.Tensor], world: World, global_batch_size: int) -> torch.Tensor:
    """Return this worker's share of the loss; its mean over workers is the loss of the global batch.

    `outputs` are the model's: features of images and texts, scale of the logits, and a bias where the loss is the
    sigmoid one. Features in half precision are taken to float32 first.
    """
    images_bE, texts_bE, scale = outputs[:3]
    wide = torch.promote_types(images_bE.dtype, torch.float32)
    images_bE, texts_bE = images_bE.to(wide), texts_bE.to(wide)
    if len(outputs) == 3:
        return contrastive_loss(images_bE, texts_bE, scale, world, global_batch_size)
    return sigmoid_loss(images_bE, texts_bE, scale, outputs[3], world, global_batch_size)
