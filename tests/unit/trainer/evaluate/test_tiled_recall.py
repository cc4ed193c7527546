"""Recall by tiles, against a plain count over the whole matrix."""

import numpy as np
import pytest
import torch

from trainer.evaluate.feature_rows import FeatureRows
from trainer.evaluate.measures import RETRIEVAL
from trainer.evaluate.tiled_recall import tiled_recall

CPU = torch.device("cpu")


def rows_of(features: torch.Tensor) -> FeatureRows:
    rows = FeatureRows(features.shape[1])
    rows.append(features)
    return rows


def plain(images: torch.Tensor, texts: torch.Tensor, image_of: np.ndarray) -> dict[str, float]:
    cosines = images @ texts.T
    nearer_images, nearer_texts = [], []
    for image in range(len(images)):
        best = max(float(cosines[image, text]) for text in np.flatnonzero(image_of == image))
        nearer_images.append(int((cosines[image] > best + 1e-5).sum()))
    for text, image in enumerate(image_of):
        nearer_texts.append(int((cosines[:, text] > cosines[image, text] + 1e-5).sum()))
    both = (nearer_images, nearer_texts)
    shares = [float(np.mean([count < k for count in counts])) for counts in both for k in (1, 5, 10)]
    return dict(zip(RETRIEVAL, shares, strict=True))


@pytest.mark.parametrize("tile", [1, 7, 16, 1_000])
def test_any_tile_gives_the_plain_count(tile: int) -> None:
    generator = torch.Generator().manual_seed(0)
    draw = np.random.default_rng(0)
    images = torch.nn.functional.normalize(torch.randn(40, 6, generator=generator), dim=1)
    image_of = np.repeat(np.arange(40), draw.integers(1, 6, 40))
    noise = torch.randn(len(image_of), 6, generator=generator)
    texts = torch.nn.functional.normalize(images[torch.from_numpy(image_of)] + 0.5 * noise, dim=1)
    wanted = plain(images, texts, image_of)
    assert 0 < wanted["image_to_text_r1"] < 1
    assert tiled_recall(rows_of(images), rows_of(texts), image_of, CPU, tile) == pytest.approx(wanted)


def test_the_same_caption_twice_is_as_good_as_one() -> None:
    images = torch.eye(3)
    texts = torch.stack([images[0], images[0], images[1], images[0]])  # the last is of image 2, and nearer to 0
    found = tiled_recall(rows_of(images), rows_of(texts), np.array([0, 1, 1, 2]), CPU)
    assert found["image_to_text_r1"] == 1.0  # to image 2 all are equally far
    assert found["text_to_image_r1"] == 0.5
