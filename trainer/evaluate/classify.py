"""Classification by the nearest class: images and class features in, cosines and accuracies out.

Shapes: N images, K classes, T templates, E embedding.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from trainer.data.transforms import ImageFault, decode_centre
from trainer.evaluate.class_names import prompts
from trainer.evaluate.inputs import Labelled
from trainer.model.clip import CLIP
from trainer.tokenizer import CaptionTokenizer
from trainer.use.encode import encode_texts


@torch.no_grad()
def embed_classes(
    model: CLIP, tokenizer: CaptionTokenizer, classes: list[str], templates: list[str], batch_size: int
) -> torch.Tensor:
    """Return ``[K, E]``: per class the mean of its prompts' features, of length one again."""
    features_NE = torch.cat(list(encode_texts(model, tokenizer, prompts(classes, templates), batch_size)))
    features_KTE = features_NE.view(len(classes), len(templates), -1)
    return F.normalize(features_KTE.mean(dim=1), dim=-1).to(model.logit_scale.device)


@torch.no_grad()
def classify(
    model: CLIP, dataset: str, images: Labelled, classes_KE: torch.Tensor, *, batch_size: int, threads: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return (places of the images that decode ``[N]``, cosines ``[N, K]``, one line per image that does not)."""
    device, image_px = model.logit_scale.device, model.config.image.image_px
    places: list[int] = []
    cosines = [np.empty((0, len(classes_KE)), dtype=np.float32)]
    skipped: list[str] = []

    def load(place: int) -> np.ndarray | str:
        try:
            return decode_centre((Path(dataset) / images.paths[place]).read_bytes(), image_px)
        except ImageFault as fault:
            return str(fault)

    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(images.paths), batch_size):
            batch = range(start, min(start + batch_size, len(images.paths)))
            loaded = list(pool.map(load, batch))
            skipped += [f"{images.paths[p]}: {x}" for p, x in zip(batch, loaded, strict=True) if isinstance(x, str)]
            good = [(p, x) for p, x in zip(batch, loaded, strict=True) if not isinstance(x, str)]
            if not good:
                continue
            places += [place for place, _ in good]
            features_NE = model.encode_images(torch.from_numpy(np.stack([x for _, x in good])).to(device))
            with torch.autocast(device.type, enabled=False):  # in half precision many would be equal
                cosines.append((features_NE @ classes_KE.T).cpu().numpy())
    return np.array(places, dtype=np.int64), np.concatenate(cosines), skipped


def is_right(cosines_NK: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each image's class is the nearest ``[N]``, and one of the five nearest, the first of equals."""
    order_NK = np.argsort(-cosines_NK, axis=1, kind="stable")[:, :5]
    return order_NK[:, 0] == labels_N, (order_NK == labels_N[:, None]).any(axis=1)


def score(cosines_NK: np.ndarray, labels_N: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """Return top-1, top-5, mean per class and the accuracy of each class that has images."""
    right_N, right5_N = is_right(cosines_NK, labels_N)
    per_class = {classes[k]: float(right_N[labels_N == k].mean()) for k in np.unique(labels_N).tolist()}
    return {
        "images": len(labels_N),
        "classes": len(classes),
        "classes_with_images": len(per_class),
        "top1": float(right_N.mean()),
        "top5": float(right5_N.mean()),
        "mean_per_class": float(np.mean(list(per_class.values()))),
        "chance": 1 / len(classes),
        "per_class": per_class,
    }
