"""SigLIP's sigmoid loss over the global batch: each pair of image and text by itself (arXiv 2303.15343, section 3).

Shapes: b samples of this worker, B samples of all workers, t rows and c columns of a tile, E embedding.

    loss = 1 / B * sum over i, j of log(1 + exp(-z_ij * (scale * <image_i, text_j> + bias)))
    z_ij = 1 where i = j, else -1

No pair needs another, so gradients are made with the loss, in one pass over the tiles: 3 products of b x B x E, never a
matrix b x B. Texts are gathered, their gradient goes home by a reduce-scatter, as in `contrastive`; shares and their
mean over the workers are as there, too.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from trainer.loss.gathered import RowShares, check_rows, gather_rows, scatter_sums, share_rows
from trainer.loss.tiles import Tiles, tile_precision
from trainer.workers.distributed import World


def sigmoid_loss(
    image_features_bE: torch.Tensor,
    text_features_bE: torch.Tensor,
    logit_scale: torch.Tensor,
    logit_bias: torch.Tensor,
    world: World,
    global_batch_size: int,
) -> torch.Tensor:
    """Return this worker's share of the loss; its mean over workers is the loss of the global batch.

    Rows, dtypes, backward, errors: as `contrastive_loss`.
    """
    shares = share_rows(world, global_batch_size)
    check_rows(len(image_features_bE), len(text_features_bE), shares)
    share: torch.Tensor = _Sigmoid.apply(image_features_bE, text_features_bE, logit_scale, logit_bias, shares)
    return share


class _Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images_bE: torch.Tensor,
        texts_bE: torch.Tensor,
        scale: torch.Tensor,
        bias: torch.Tensor,
        shares: RowShares,
    ) -> torch.Tensor:
        texts_BE = gather_rows(texts_bE, shares)
        with tile_precision(images_bE.device):
            summed, *gradients = _loss_and_gradients(images_bE, texts_BE, scale, bias, shares)
        ctx.save_for_backward(images_bE, scale, *gradients)
        ctx.shares = shares
        return summed * _weight(shares)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, None]:
        images_bE, scale, of_images_bE, of_texts_BE, of_bias = ctx.saved_tensors
        weight = gradient * _weight(ctx.shares)
        of_scale = torch.linalg.vecdot(of_images_bE, images_bE).sum() * weight
        of_texts_bE = scatter_sums(of_texts_BE * weight, ctx.shares)
        return of_images_bE * (weight * scale), of_texts_bE, of_scale, of_bias * weight, None


def _weight(shares: RowShares) -> float:
    """Return what a worker's sum over its pairs counts."""
    return len(shares.bounds) / shares.total


def _loss_and_gradients(
    images_bE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor, shares: RowShares
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the sum over the pairs of own images; its gradients of the scaled images, of all texts, of the bias."""
    of_images_bE, of_texts_BE = torch.zeros_like(images_bE), torch.zeros_like(texts_BE)
    summed, of_bias = images_bE.new_zeros(()), images_bE.new_zeros(())
    tiles = Tiles(images_bE, len(texts_BE))
    for rows, scaled_tE in tiles.row_blocks(images_bE, scale):
        for tile in tiles.of_rows(rows, scaled_tE, texts_BE, shares.local.start):
            logits_tc = tile.logits_tc.add_(bias)
            summed -= tile.positives(logits_tc).sum()  # log(1 + exp(-x)) = log(1 + exp(x)) - x
            of_logits_tc = torch.sigmoid(logits_tc, out=tiles.spare(tile))
            tile.positives(of_logits_tc).sub_(1)
            of_bias += of_logits_tc.sum()
            of_images_bE[rows].addmm_(of_logits_tc, texts_BE[tile.columns])
            of_texts_BE[tile.columns].addmm_(of_logits_tc.T, scaled_tE)
            summed += F.softplus(logits_tc, threshold=40).sum()
    return summed, of_images_bE, of_texts_BE, of_bias
