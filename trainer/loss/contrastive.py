"""The symmetric contrastive loss over the global batch, in memory for its features alone (CLIP, figure 3).

Shapes: b samples of this worker, B samples of all workers, t rows and c columns of a tile, E embedding.

              texts of all workers (gathered)
    own      +-----+-----+-----+    a tile serves both directions: each row and each column keeps its own running
    images   | t*c |     |     |    maximum and sum of exponentials; columns are then merged over the workers by two
             +-----+-----+-----+    all-reduces of B numbers. Backward makes the tiles once more: 4 products of
             |     |     |     |    b x B x E in place of 6, never a matrix b x B. The gradient of the gathered texts
             +-----+-----+-----+    goes home by a reduce-scatter.

DistributedDataParallel averages gradients over W workers, so the local loss is W / B times the sum over local rows:
the average is the gradient of the mean over the global batch, also when b differs between workers (for the logit
scale too, which each worker uses in its own rows of logits only).
"""

from typing import Any

import torch
import torch.distributed as dist
from torch.autograd.function import once_differentiable

from trainer.loss.gathered import RowShares, check_rows, gather_rows, scatter_sums, share_rows
from trainer.loss.tiles import Tiles, tile_precision
from trainer.workers.distributed import World


def contrastive_loss(
    image_features_bE: torch.Tensor,
    text_features_bE: torch.Tensor,
    logit_scale: torch.Tensor,
    world: World,
    global_batch_size: int,
) -> torch.Tensor:
    """Return this worker's share of the loss; its mean over workers is the loss of the global batch.

    Worker r holds rows `local_rows(global_batch_size, r, W)` of the batch, which may be none. Features are float32 or
    float64; every worker goes backward, and from the same gradient of its share. Raises ValueError where the features
    are not so many rows.
    """
    shares = share_rows(world, global_batch_size)
    check_rows(len(image_features_bE), len(text_features_bE), shares)
    share: torch.Tensor = _Contrastive.apply(image_features_bE, text_features_bE, logit_scale, shares)
    return share


class _Contrastive(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, images_bE: torch.Tensor, texts_bE: torch.Tensor, scale: torch.Tensor, shares: RowShares
    ) -> torch.Tensor:
        texts_BE = gather_rows(texts_bE, shares)
        with tile_precision(images_bE.device):
            row_lse_b, column_lse_B, positives_b = _log_sum_exps(images_bE, texts_BE, scale, shares)
        ctx.save_for_backward(images_bE, texts_BE, scale, row_lse_b, column_lse_B)
        ctx.shares = shares
        summed = (row_lse_b - positives_b).sum() + (column_lse_B[shares.local] - positives_b).sum()
        return summed * _weight(shares)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        images_bE, texts_BE, scale, row_lse_b, column_lse_B = ctx.saved_tensors
        with tile_precision(images_bE.device):
            of_images_bE, of_texts_BE = _gradients(images_bE, texts_BE, scale, row_lse_b, column_lse_B, ctx.shares)
        weight = gradient * _weight(ctx.shares)
        of_images_bE *= weight  # of the scaled images so far: those of the images are `scale` times these
        of_scale = torch.linalg.vecdot(of_images_bE, images_bE).sum()
        of_images_bE *= scale
        of_texts_bE = scatter_sums(of_texts_BE.mul_(weight), ctx.shares)
        return of_images_bE, of_texts_bE, of_scale, None


def _weight(shares: RowShares) -> float:
    """Return what a worker's sum of row and column losses counts."""
    return len(shares.bounds) / (2 * shares.total)


def _log_sum_exps(
    images_bE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor, shares: RowShares
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the logarithms of the sums over each row, over each column of all workers, and the positives' logits."""
    lowest = float("-inf")
    row_max_b, row_sum_b = images_bE.new_full((len(images_bE),), lowest), images_bE.new_zeros(len(images_bE))
    column_max_B, column_sum_B = texts_BE.new_full((len(texts_BE),), lowest), texts_BE.new_zeros(len(texts_BE))
    positives_b = torch.empty_like(row_max_b)
    tiles = Tiles(images_bE, len(texts_BE))
    for rows, scaled_tE in tiles.row_blocks(images_bE, scale):
        for tile in tiles.of_rows(rows, scaled_tE, texts_BE, shares.local.start):
            positives_b[tile.positive_rows] = tile.positives(tile.logits_tc)
            spare_tc = tiles.spare(tile)
            _merge(row_max_b[rows], row_sum_b[rows], tile.logits_tc, 1, spare_tc)
            _merge(column_max_B[tile.columns], column_sum_B[tile.columns], tile.logits_tc, 0, spare_tc)
    if len(shares.bounds) > 1:
        largest_B = column_max_B.clone()
        dist.all_reduce(largest_B, dist.ReduceOp.MAX)
        column_sum_B *= torch.exp(column_max_B - largest_B)
        dist.all_reduce(column_sum_B)
        column_max_B = largest_B
    return row_max_b + row_sum_b.log_(), column_max_B + column_sum_B.log_(), positives_b


def _merge(max_n: torch.Tensor, sum_n: torch.Tensor, logits_tc: torch.Tensor, dim: int, spare_tc: torch.Tensor) -> None:
    """Take a tile into the running maxima and sums of exponentials of its rows (`dim` 1) or columns (`dim` 0).

    One maximum for rows and columns would do at small scales; at scale 100 the sums of most would underflow.
    """
    largest_n = torch.maximum(max_n, logits_tc.amax(dim))
    torch.sub(logits_tc, largest_n.unsqueeze(dim), out=spare_tc)
    sum_n *= torch.exp(max_n - largest_n)
    sum_n += spare_tc.exp_().sum(dim)
    max_n.copy_(largest_n)


def _gradients(
    images_bE: torch.Tensor,
    texts_BE: torch.Tensor,
    scale: torch.Tensor,
    row_lse_b: torch.Tensor,
    column_lse_B: torch.Tensor,
    shares: RowShares,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of the sum of all losses: of the scaled own images, and of all texts by own images."""
    of_images_bE, of_texts_BE = torch.zeros_like(images_bE), torch.zeros_like(texts_BE)
    tiles = Tiles(images_bE, len(texts_BE))
    for rows, scaled_tE in tiles.row_blocks(images_bE, scale):
        for tile in tiles.of_rows(rows, scaled_tE, texts_BE, shares.local.start):
            of_logits_tc = tiles.spare(tile)
            torch.sub(tile.logits_tc, row_lse_b[rows].unsqueeze(1), out=of_logits_tc)
            of_logits_tc.exp_()
            of_logits_tc += tile.logits_tc.sub_(column_lse_B[tile.columns]).exp_()
            tile.positives(of_logits_tc).sub_(2)
            of_images_bE[rows].addmm_(of_logits_tc, texts_BE[tile.columns])
            of_texts_BE[tile.columns].addmm_(of_logits_tc.T, scaled_tE)
    return of_images_bE, of_texts_BE
