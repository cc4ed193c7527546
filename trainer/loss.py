"""The symmetric contrastive loss over the global batch, each worker holding its own rows of logits.

Shapes: b samples of this worker, B samples of all workers, E embedding.

    logits of worker w = [ its b image rows x all B texts ]   and   [ its b text rows x all B images ]

The features of the other workers are gathered with gradient. DistributedDataParallel averages gradients over
W workers, so the local loss is W / B times the sum over local rows: the average is the gradient of the mean
over the global batch, also when b differs between workers (for the logit scale too, which each worker uses
in its own rows only).
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.autograd.function import FunctionCtx

from trainer.distributed import World, local_rows


class _GatherRows(torch.autograd.Function):
    """All workers' rows in rank order; the gradient of a row is summed over the workers that used it."""

    @staticmethod
    def forward(ctx: FunctionCtx, rows_bE: torch.Tensor, rank: int, sizes: tuple[int, ...]) -> torch.Tensor:
        ctx.rank, ctx.sizes = rank, sizes  # type: ignore[attr-defined]
        longest = max(sizes)
        padded = rows_bE.new_zeros(longest, rows_bE.shape[1])
        padded[: len(rows_bE)] = rows_bE
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: FunctionCtx, gradient_BE: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        gradient_BE = gradient_BE.contiguous()
        dist.all_reduce(gradient_BE)
        rank, sizes = ctx.rank, ctx.sizes  # type: ignore[attr-defined]
        start = sum(sizes[:rank])
        return gradient_BE[start : start + sizes[rank]], None, None


def contrastive_loss(
    image_features_bE: torch.Tensor,
    text_features_bE: torch.Tensor,
    logit_scale: torch.Tensor,
    world: World,
    global_batch_size: int,
) -> torch.Tensor:
    """Return this worker's share of the loss; its mean over workers is the loss of the global batch.

    Worker r holds rows `local_rows(global_batch_size, r, W)` of the batch. CLIP, figure 3.
    """
    start, stop = local_rows(global_batch_size, world.rank, world.size)
    if world.size > 1:
        bounds = [local_rows(global_batch_size, rank, world.size) for rank in range(world.size)]
        sizes = tuple(end - begin for begin, end in bounds)
        both_b2E = torch.cat([image_features_bE, text_features_bE], dim=1)
        all_B2E = _GatherRows.apply(both_b2E, world.rank, sizes)
        all_images_BE, all_texts_BE = all_B2E.chunk(2, dim=1)
    else:
        all_images_BE, all_texts_BE = image_features_bE, text_features_bE
    labels_b = torch.arange(start, stop, device=image_features_bE.device)
    image_logits_bB = logit_scale * image_features_bE @ all_texts_BE.T
    text_logits_bB = logit_scale * text_features_bE @ all_images_BE.T
    summed = F.cross_entropy(image_logits_bB, labels_b, reduction="sum") + F.cross_entropy(
        text_logits_bB, labels_b, reduction="sum"
    )
    return summed * (world.size / (2 * global_batch_size))
