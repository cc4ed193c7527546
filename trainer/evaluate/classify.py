"""Classification by the nearest class: images and class features in, cosines and accuracies out.

Shapes: N images, K classes, T templates, E embedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.decoded import decoded_batches
from trainer.evaluate.labelled.labelled import Labelled
from trainer.evaluate.prompts import prompt_counts, prompts
from trainer.model.clip import CLIP
from trainer.tokenizer import CaptionTokenizer
from trainer.use.encode import encode_texts


@torch.no_grad()
def embed_classes(
    model: CLIP, tokenizer: CaptionTokenizer, classes: ClassNames, templates: list[str], batch_size: int
) -> torch.Tensor:
    """Return ``[K, E]``: per class the mean of its prompts' features, of length one again.

    Prompts are those of all its names in all templates; no more of their features are held than of a few batches.
    """
    sums_KE = torch.zeros(len(classes), model.config.embed_dim)
    counts = torch.tensor(prompt_counts(classes, templates))
    class_of = torch.arange(len(classes)).repeat_interleave(counts)
    done = 0
    for features_NE in encode_texts(model, tokenizer, prompts(classes, templates), batch_size):
        sums_KE.index_add_(0, class_of[done : done + len(features_NE)], features_NE)
        done += len(features_NE)
    return F.normalize(sums_KE / counts[:, None], dim=-1).to(model.logit_scale.device)


@dataclass(frozen=True)
class Classified:
    """What is known of each image that decodes, in the order of the dataset."""

    places: np.ndarray
    """``[N]``, of the image among the dataset's."""
    nearest: np.ndarray
    """``[N, 5]``, numbers of the nearest classes (fewer columns for fewer classes), the first of equals first."""
    cosines: np.ndarray
    """``[N]``, of the nearest."""
    confidences: np.ndarray
    """``[N]``, the nearest one's probability among all classes by the model's own scale."""
    skipped: list[str]
    """A line per image that does not decode."""


@torch.no_grad()
def classify(model: CLIP, images: Labelled, classes_KE: torch.Tensor, *, batch_size: int, threads: int) -> Classified:
    """Return the nearest classes of all images; two batches of images and the cosines of one are in memory."""
    scale = float(model.logit_scale.exp())
    places: list[int] = []
    parts = [_nearest(np.empty((0, len(classes_KE)), dtype=np.float32), scale)]
    skipped: list[str] = []
    image_px, device = model.config.image.image_px, model.logit_scale.device
    for batch, images_B3PP in decoded_batches(images.names, images.read, image_px, batch_size, threads, skipped):
        places += batch
        features_BE = model.encode_images(images_B3PP.to(device))
        with torch.autocast(device.type, enabled=False):  # in half precision many would be equal
            parts.append(_nearest((features_BE @ classes_KE.T).cpu().numpy(), scale))
    nearest, cosines, confidences = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Classified(np.array(places, dtype=np.int64), nearest, cosines, confidences, skipped)


def _nearest(cosines_NK: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (nearest classes, cosine of the first, its probability) of each image."""
    nearest_N5 = nearest_classes(cosines_NK)
    best_N1 = np.take_along_axis(cosines_NK, nearest_N5[:, :1], axis=1)
    confidence_N = 1 / np.exp(scale * (cosines_NK.astype(np.float64) - best_N1)).sum(axis=1)
    return nearest_N5, best_N1[:, 0], confidence_N


def nearest_classes(cosines_NK: np.ndarray) -> np.ndarray:
    """Return the numbers of the five nearest classes ``[N, 5]``, the first of equals first."""
    return np.argsort(-cosines_NK, axis=1, kind="stable")[:, :5]


def is_right(nearest_N5: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each image's class is the nearest ``[N]``, and one of the five nearest."""
    return nearest_N5[:, 0] == labels_N, (nearest_N5 == labels_N[:, None]).any(axis=1)


def score(nearest_N5: np.ndarray, labels_N: np.ndarray, titles: list[str]) -> dict[str, Any]:
    """Return top-1, top-5, mean per class and the accuracy of each class that has images."""
    right_N, right5_N = is_right(nearest_N5, labels_N)
    images_K = np.bincount(labels_N, minlength=len(titles))
    right_K = np.bincount(labels_N, weights=right_N, minlength=len(titles))
    per_class = {titles[k]: float(right_K[k] / images_K[k]) for k in np.flatnonzero(images_K).tolist()}
    return {
        "images": len(labels_N),
        "classes": len(titles),
        "classes_with_images": len(per_class),
        "top1": float(right_N.mean()),
        "top5": float(right5_N.mean()),
        "mean_per_class": float(np.mean(list(per_class.values()))),
        "chance": 1 / len(titles),
        "per_class": per_class,
    }
