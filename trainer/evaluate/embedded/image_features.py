"""Images as features: paths and a model in, a row for each image that decodes out.

Shapes: N images that decode, E embedding or width of the encoder. Held: a batch of images, and all rows.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from trainer.data.transforms import ImageFault, decode_centre
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
    model: FrozenCLIP, root: str, paths: Sequence[str], layer: Layer, *, batch_size: int, threads: int
) -> ImageFeatures:
    """Return the features of the images: of length one in the embedding, as they are before the projection."""
    encode = model.encode_images if layer == "embedding" else model.encode_images_before_projection
    skipped: list[str] = []
    places: list[int] = []
    parts: list[torch.Tensor] = []
    for batch, loaded in _decoded(root, paths, model.config.image.image_px, batch_size, threads):
        skipped += [f"{paths[p]}: {x}" for p, x in zip(batch, loaded, strict=True) if isinstance(x, str)]
        good = [(p, x) for p, x in zip(batch, loaded, strict=True) if not isinstance(x, str)]
        if good:
            places += [place for place, _ in good]
            parts.append(encode(torch.from_numpy(np.stack([x for _, x in good]))).cpu())
    features_NE = torch.cat(parts) if parts else torch.empty(0, 0)
    return ImageFeatures(features_NE, np.array(places, dtype=np.int64), skipped)


def _decoded(
    root: str, paths: Sequence[str], image_px: int, batch_size: int, threads: int
) -> Iterator[tuple[range, list[np.ndarray | str]]]:
    """Yield batches of places with their squares, or why there is none; the next is decoded meanwhile."""

    def load(place: int) -> np.ndarray | str:
        try:
            return decode_centre((Path(root) / paths[place]).read_bytes(), image_px)
        except ImageFault as fault:
            return str(fault)

    with ThreadPoolExecutor(threads) as pool:
        ahead = None
        for start in range(0, len(paths), batch_size):
            batch = range(start, min(start + batch_size, len(paths)))
            coming = batch, pool.map(load, batch)
            if ahead is not None:
                yield ahead[0], list(ahead[1])
            ahead = coming
        if ahead is not None:
            yield ahead[0], list(ahead[1])
