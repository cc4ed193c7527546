"""Which patch answers for which object of an image: the bipartite matching of least cost (DETR, arXiv 2005.12872).

Shapes: B images, L patches, Q queries, M objects of one image, or of the one with most.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn.utils.rnn import pad_sequence

from trainer.detect.loss.focal import focal_terms
from trainer.detect.model.boxes import pairwise_giou, to_corners


@torch.no_grad()
def match(
    logits_BLQ: torch.Tensor,
    boxes_BL4: torch.Tensor,
    labels: Sequence[torch.Tensor],
    targets: Sequence[torch.Tensor],
) -> list[torch.Tensor]:
    """Return for each image the patch of each of its objects, int64 ``[M]``, on the CPU; no patch stands twice.

    `labels` are each image's ``[M]`` places among the Q queries, `targets` its boxes ``[M, 4]`` by centre, as
    `boxes_BL4`. The cost of a patch and an object is focal loss (what is won by saying yes in place of no), L1 and
    -gIoU, in equal parts (OWL-ViT, appendix A1.3). All costs are made on the device, B x M x L of them, and come to the
    CPU in one copy. Raises ValueError where an image has more objects than patches.
    """
    sizes, num_patches = list(map(len, labels)), boxes_BL4.shape[1]
    if max(sizes, default=0) > num_patches:
        raise ValueError(
            f"an image has {max(sizes)} objects, more than the {num_patches} patches that can find one each"
        )
    if not any(sizes):
        return [torch.empty(0, dtype=torch.int64) for _ in sizes]
    labels_BM = pad_sequence(list(labels), batch_first=True)
    targets_BM4 = pad_sequence(list(targets), batch_first=True).to(boxes_BL4.dtype)
    costs_BML = _costs(logits_BLQ, boxes_BL4, labels_BM, targets_BM4).double().cpu().numpy()
    costs_BML = np.nan_to_num(costs_BML, nan=1e6, posinf=1e6, neginf=-1e6)  # such a step is skipped, but gets there
    return [
        torch.from_numpy(linear_sum_assignment(costs_ML[:size])[1])
        for costs_ML, size in zip(costs_BML, sizes, strict=True)
    ]


def _costs(
    logits_BLQ: torch.Tensor, boxes_BL4: torch.Tensor, labels_BM: torch.Tensor, targets_BM4: torch.Tensor
) -> torch.Tensor:
    """Return ``[B, M, L]``; of objects that an image has not they mean nothing."""
    chosen_BLM = logits_BLQ.gather(2, labels_BM[:, None].expand(-1, logits_BLQ.shape[1], -1))
    yes_BLM, no_BLM = focal_terms(chosen_BLM)
    distance_BML = torch.cdist(targets_BM4, boxes_BL4, p=1)
    giou_BML = pairwise_giou(to_corners(targets_BM4), to_corners(boxes_BL4))
    return (yes_BLM - no_BLM).transpose(1, 2) + distance_BML - giou_BML
