"""Images as features: their bytes and a model in, a row for each image that decodes out.

Shapes: N images that decode, E embedding or width of the encoder. Held: two batches of images, and all rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trainer.evaluate.decoded import decoded_batches
from trainer.evaluate.embedded.options import Layer
from trainer.use.frozen_clip import FrozenCLIP


@dataclass(frozen=True)
class ImageFeatures:
    """What became of the images."""

    features_NE: torch.Tensor
    """float32, on the CPU."""
    places_N: np.ndarray
    """Which of the paths they are of, ascending."""
    skipped: list[str]
    """A line for each image that does not decode."""


@torch.no_grad()
def image_features(
    model: FrozenCLIP,
    paths: Sequence[str],
    read: Callable[[int], bytes],
    layer: Layer,
    *,
    batch_size: int,
    threads: int,
) -> ImageFeatures:
    """Return the features of the images: of length one in the embedding, as they are before the projection.

    `paths` are what messages call them; `read` gives the bytes of one by its place.
    """
    encode = model.encode_images if layer == "embedding" else model.encode_images_before_projection
    skipped: list[str] = []
    places: list[int] = []
    parts: list[torch.Tensor] = []
    for batch, images_B3PP in decoded_batches(paths, read, model.config.image.image_px, batch_size, threads, skipped):
        places += batch
        parts.append(encode(images_B3PP).cpu())
    features_NE = torch.cat(parts) if parts else torch.empty(0, 0)
    return ImageFeatures(features_NE, np.array(places, dtype=np.int64), skipped)
