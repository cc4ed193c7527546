"""Recall both ways among images that have one or more captions each, tile by tile.

Each tile of cosines is made once and counts for both ways; no more is in memory than a tile, and 12 bytes an image and
a caption. Shapes: I images, T texts, i and t rows of a tile, E embedding.
"""

import numpy as np
import numpy.typing as npt
import torch

from trainer.evaluate.feature_rows import FeatureRows
from trainer.evaluate.measures import RETRIEVAL
from trainer.evaluate.recall import cosines, found_at_ranks, is_nearer

TILE = 4_096
"""Images, and texts, of a tile: 64 MB of cosines."""


def tiled_recall(
    images: FeatureRows,
    texts: FeatureRows,
    image_of_T: npt.NDArray[np.int64],
    device: torch.device,
    tile: int = TILE,
) -> dict[str, float]:
    """Return recall at 1, 5 and 10 both ways.

    `image_of_T` is the image of each text, ascending; each image has a text. An image is found by the nearest of its
    own captions; a text by its one image.
    """
    own_T = _own_cosines(images, texts, image_of_T, device, tile)
    own_I = np.full(len(images), -np.inf, dtype=np.float32)
    np.maximum.at(own_I, image_of_T, own_T)
    own_of_texts, own_of_images = torch.from_numpy(own_T), torch.from_numpy(own_I)
    nearer_T = torch.zeros(len(texts), dtype=torch.int64)
    nearer_I = torch.zeros(len(images), dtype=torch.int64)
    for first in range(0, len(images), tile):
        rows = slice(first, first + tile)
        images_iE = images.read(first, first + tile).to(device)
        for other in range(0, len(texts), tile):
            columns = slice(other, other + tile)
            cosines_it = cosines(images_iE, texts.read(other, other + tile).to(device))
            own_i1, own_1t = own_of_images[rows, None].to(device), own_of_texts[None, columns].to(device)
            nearer_I[rows] += is_nearer(cosines_it, own_i1).sum(dim=1).cpu()
            nearer_T[columns] += is_nearer(cosines_it, own_1t).sum(dim=0).cpu()
    shares = torch.cat([found_at_ranks(nearer_I) / len(images), found_at_ranks(nearer_T) / len(texts)])
    return dict(zip(RETRIEVAL, shares.tolist(), strict=True))


def _own_cosines(
    images: FeatureRows, texts: FeatureRows, image_of_T: npt.NDArray[np.int64], device: torch.device, tile: int
) -> npt.NDArray[np.float32]:
    """Return ``[T]``: the cosine of each text and its own image."""
    parts = [np.empty(0, dtype=np.float32)]
    for start in range(0, len(texts), tile):
        image_of_t = image_of_T[start : start + tile]
        first = int(image_of_t[0])
        own_iE = images.read(first, int(image_of_t[-1]) + 1).to(device)
        texts_tE = texts.read(start, start + tile).to(device)
        own_tE = own_iE[torch.from_numpy(image_of_t - first).to(device)]
        parts.append((own_tE * texts_tE).sum(dim=1).cpu().numpy())
    return np.concatenate(parts)
