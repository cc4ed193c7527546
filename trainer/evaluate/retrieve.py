"""``trainer evaluate retrieval``: recall at 1, 5 and 10 among pairs that were given (CLIP, section 3.1.5, Table 13).

In: a model, images with captions. Out: each image's best caption among all captions, each caption's image among all
images. Shapes: E embedding.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.evaluate.captioned.captioned import Captioned
from trainer.evaluate.captioned.find_pairs import find_pairs
from trainer.evaluate.decoded import decoded_batches
from trainer.evaluate.feature_rows import FeatureRows
from trainer.evaluate.measures import RANKS
from trainer.evaluate.retrieval_config import RetrievalConfig
from trainer.evaluate.tiled_recall import tiled_recall
from trainer.telling.skipped import tell_skipped
from trainer.use.encode import encode_image_batches, encode_texts
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import Loaded, load_chosen

RESULTS_FILE = "results.json"


def retrieve(config: RetrievalConfig) -> dict[str, Any]:
    """Run the evaluation, write and return its results."""
    pairs = find_pairs(config.pairs, config.image_dir)
    num_images = len(pairs) if config.max_images is None else min(config.max_images, len(pairs))
    loaded = load_chosen(config)
    if config.output is not None:
        record = _run_record(config, loaded.model, pairs, num_images)
        start_run(Folder(config.output), record)
    torch.set_num_threads(config.threads)
    skipped: list[str] = []
    with ExitStack() as files:
        images, texts = (
            files.enter_context(FeatureRows(loaded.model.config.embed_dim, config.temporary_dir)) for _ in range(2)
        )
        used = _encode_images(config, loaded.model, pairs, num_images, images, skipped)
        if len(used) < 2:
            raise ValueError(
                f"--pairs: {len(used)} of {num_images} images of {config.pairs} decode; expected 2 or more"
            )
        image_of_text = _encode_captions(config, loaded, pairs, used, texts)
        results: dict[str, Any] = tiled_recall(images, texts, image_of_text, loaded.model.device)
    results |= {
        "images": len(used), "captions": len(image_of_text), "skipped": len(skipped), "passed_over": pairs.passed_over,
    }  # fmt: skip
    tell_skipped(skipped)
    if config.output is not None:
        folder = Folder(config.output)
        written = [folder.write_json(RESULTS_FILE, results)]
        write_manifest(folder, "evaluation", written, rows=len(used), identity=record.identity, summary=results)
    print(_told(results))
    return results


def _run_record(config: RetrievalConfig, model: FrozenCLIP, pairs: Captioned, num_images: int) -> RunRecord:
    """Return what decides the results: the model, the images, the captions."""
    listing = hashlib.sha256()
    for row in zip(pairs.names[:num_images], pairs.captions, pairs.sizes, strict=False):
        listing.update(json.dumps(row).encode())
    return RunRecord(
        command="trainer evaluate retrieval",
        config={"precision": model.precision},
        inputs=[
            {"name": "model", "sha256": model.fingerprint},
            {"name": "pairs", "listing_sha256": listing.hexdigest()},
        ],
        paths={"checkpoint": config.checkpoint, "pairs": config.pairs},
    )


def _encode_images(
    config: RetrievalConfig, model: FrozenCLIP, pairs: Captioned, num_images: int, rows: FeatureRows, skipped: list[str]
) -> list[int]:
    """Write the features of the images that decode into `rows`; return their places."""
    used: list[int] = []

    def batches() -> Iterator[torch.Tensor]:
        names, image_px = pairs.names[:num_images], model.config.image.image_px
        for places, images in decoded_batches(names, pairs.read, image_px, config.batch_size, config.threads, skipped):
            used.extend(places)
            yield images

    for features_NE in encode_image_batches(model, batches()):
        rows.append(features_NE)
    return used


def _encode_captions(
    config: RetrievalConfig, loaded: Loaded, pairs: Captioned, used: list[int], rows: FeatureRows
) -> np.ndarray:
    """Write the features of the captions of `used` images into `rows`; return the image of each, by its row."""
    texts = (caption for place in used for caption in pairs.captions[place])
    for features_NE in encode_texts(loaded.model, loaded.tokenizer, texts, config.batch_size):
        rows.append(features_NE)
    return np.repeat(np.arange(len(used)), [len(pairs.captions[place]) for place in used])


def _told(results: dict[str, Any]) -> str:
    ways = [
        f"{way.replace('_', ' ')} " + ", ".join(f"R@{rank} {results[f'{way}_r{rank}']:.1%}" for rank in RANKS)
        for way in ("image_to_text", "text_to_image")
    ]
    return (
        f"{results['images']:,} images ({results['skipped']} skipped), {results['captions']:,} captions: "
        + "; ".join(ways)
    )  # fmt: skip
