"""Of boxes that show the same the surest alone: non-maximum suppression.

Shapes: N boxes, K of them kept.
"""

import torch

from trainer.detect.model.boxes import pairwise_iou

_FIRST_ROWS = 256
"""Boxes whose overlap with all later ones is computed at a time: 1 MiB for 1,000 boxes."""


def suppress(boxes_N4: torch.Tensor, scores_N: torch.Tensor, labels_N: torch.Tensor, most_iou: float) -> torch.Tensor:
    """Return the boxes that stay, int64 ``[K]``, by descending score, of equal ones the first of the input.

    A box, by corners, goes where one that stays has the same label, a higher place and an IoU above `most_iou`.
    """
    order_N = torch.sort(scores_N, descending=True, stable=True).indices
    boxes, labels = boxes_N4[order_N], labels_N[order_N]
    stays_N = torch.ones(len(order_N), dtype=torch.bool)
    for begin in range(0, len(order_N), _FIRST_ROWS):
        rows = slice(begin, begin + _FIRST_ROWS)
        iou_nN, _ = pairwise_iou(boxes[rows], boxes)
        goes_nN = ((iou_nN > most_iou) & (labels[rows, None] == labels)).cpu()
        for row in range(len(goes_nN)):
            place = begin + row
            if stays_N[place]:
                stays_N[place + 1 :] &= ~goes_nN[row, place + 1 :]
    return order_N[stays_N.to(order_N.device)]
