"""A picture as a query: the class embedding of what stands in it (OWL-ViT, section 4.4 and appendix A1.7).

Shapes: L patches, E embedding.
"""

import numpy as np
import torch

from trainer.data.decode.image import Pixels
from trainer.detect.data.square import square
from trainer.detect.model.boxes import pairwise_giou, pairwise_iou, to_corners
from trainer.detect.model.detector import Detector

_NEARLY = 0.8
"""Patches whose box covers the wanted one at least so well as the best times this are looked at."""


@torch.no_grad()
def image_query(detector: Detector, rgb: Pixels, box: tuple[float, float, float, float] | None = None) -> torch.Tensor:
    """Return ``[E]``, of length one: of the patches whose box is nearly `box`, the one least like all the image.

    `box` is left, top, width, height in the pixels of `rgb`, by default the whole image; grounds are like the mean of
    the patches, objects are not.
    """
    height, width = rgb.shape[:2]
    left, top, box_width, box_height = box or (0.0, 0.0, float(width), float(height))
    pixels_3PP, side = square(rgb, detector.config.image.image_px)
    device = detector.logit_scale.device
    objects = detector.find_objects(torch.from_numpy(pixels_3PP)[None].to(device))
    corners_L4 = to_corners(objects.boxes_NL4[0])
    wanted_14 = torch.from_numpy(np.array([[left, top, left + box_width, top + box_height]], dtype=np.float32)) / side
    overlap_L = pairwise_iou(wanted_14.to(device), corners_L4)[0][0]
    if not overlap_L.any():
        overlap_L = pairwise_giou(wanted_14.to(device), corners_L4)[0] + 1
    embeddings_LE = objects.embeddings_NLE[0]
    like_L = embeddings_LE @ embeddings_LE.mean(dim=0)
    like_L = like_L.masked_fill(overlap_L < _NEARLY * overlap_L.max(), float("inf"))
    return embeddings_LE[like_L.argmin()]
