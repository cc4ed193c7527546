"""Images and queries in, boxes with scores out.

Shapes: N images, L patches, Q queries, D detections of one image, E embedding, P pixels a side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trainer.data.decode.image import Pixels
from trainer.detect.data.square import square
from trainer.detect.found.nms import suppress
from trainer.detect.model.boxes import to_corners
from trainer.detect.model.detector import Detector

_CANDIDATES = 1000
"""Pairs of a patch and a query, the surest of an image, among which boxes are suppressed."""


@dataclass(frozen=True)
class Choice:
    """Which boxes are told."""

    least_score: float
    most_iou: float
    most: int
    """Of an image."""


@dataclass(frozen=True)
class Detections:
    """What was found in one image, the surest first; on the CPU."""

    boxes_D4: torch.Tensor
    """By corners, in the image's pixels, inside it."""
    scores_D: torch.Tensor
    """0 .. 1."""
    queries_D: torch.Tensor
    """int64: which query."""


@torch.no_grad()
def find(detector: Detector, images: Sequence[Pixels], queries_QE: torch.Tensor, choice: Choice) -> list[Detections]:
    """Return what is found in decoded images, ``[height, width, 3]``; queries have length one.

    A patch may show several queries; boxes of the same query that overlap are suppressed.
    """
    device, image_px = detector.logit_scale.device, detector.config.image.image_px
    squares = [square(rgb, image_px) for rgb in images]
    pixels_N3PP = torch.from_numpy(np.stack([pixels for pixels, _ in squares])).to(device)
    objects = detector.find_objects(pixels_N3PP)
    scores_NLQ = torch.sigmoid(objects.logits(queries_QE.to(device)))
    found = []
    for rgb, (_, side), boxes_L4, scores_LQ in zip(images, squares, objects.boxes_NL4, scores_NLQ, strict=True):
        edges = torch.tensor([rgb.shape[1], rgb.shape[0]] * 2, dtype=torch.float32)
        corners_L4 = (to_corners(boxes_L4) * side).cpu().clamp(min=torch.zeros(4), max=edges)
        found.append(_choose(corners_L4, scores_LQ.cpu(), choice))
    return found


def _choose(boxes_L4: torch.Tensor, scores_LQ: torch.Tensor, choice: Choice) -> Detections:
    scores, places = scores_LQ.flatten().sort(descending=True, stable=True)
    is_sure = scores[:_CANDIDATES] >= choice.least_score
    scores, places = scores[:_CANDIDATES][is_sure], places[:_CANDIDATES][is_sure]
    boxes, queries = boxes_L4[places // scores_LQ.shape[1]], places % scores_LQ.shape[1]
    kept = suppress(boxes, scores, queries, choice.most_iou)[: choice.most]
    return Detections(boxes[kept], scores[kept], queries[kept])
