"""Zero-shot classification with an ensemble of prompts (CLIP, section 3.1.4).

In: a checkpoint, a folder with one folder of images per class, class names, templates. Out: top-1, top-5, mean
per class, and a prediction per image. Shapes: N images, K classes, T templates, E embedding.
"""

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
import tyro

from schemas.image_files import IMAGE_SUFFIXES
from schemas.manifest import write_manifest
from schemas.printable import printable
from schemas.run_record import RunRecord, start_run
from schemas.side_files import is_side_file
from schemas.storage import Folder
from schemas.tables import write_table
from trainer.checkpoint import MODEL_FILE, load_model, model_folder
from trainer.data.transforms import ImageFault, centre_crop, decode
from trainer.evaluate.class_names import name_key, prompts, read_classes, read_templates
from trainer.model.clip import CLIP
from trainer.tokenizer import CaptionTokenizer

RESULTS_FILE = "results.json"
PREDICTIONS_FILE = "predictions.parquet"

PREDICTIONS = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
"""score is the cosine of the image and the predicted class; path is relative to the dataset."""


@dataclass(frozen=True, kw_only=True)
class ZeroShotConfig:
    """Classify the images of a folder by class names alone."""

    checkpoint: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Output of trainer/run.py, or one of its checkpoints."""
    dataset: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """A folder with a folder of images (jpg, png, webp, gif, bmp, tif, avif) per class, named as the class, spaces or
    underscores."""
    classes: Annotated[str, tyro.conf.arg(metavar="FILE")]
    """Class names, one per line: all that may be predicted, also those without images."""
    templates: Annotated[str, tyro.conf.arg(metavar="FILE")]
    """Prompts, one per line, with {} for the class name."""
    output: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Where results.json and predictions.parquet go; printed only by default."""
    batch_size: int = 256
    """Images or prompts per forward pass."""
    threads: int = max(1, os.cpu_count() or 1)
    """Threads that decode and compute."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)!r}")


@dataclass(frozen=True)
class Labelled:
    """The images of a dataset with the number of each one's class."""

    paths: list[str]
    labels: list[int]
    passed_over: int
    """Other files of the dataset: side files, and those that are not named as an image."""


def find_images(dataset: str, classes: list[str]) -> Labelled:
    """Return the images below the class folders, sorted. Raises for a folder that is no class, but for side folders."""
    root = Path(dataset)
    if not root.is_dir():
        raise FileNotFoundError(f"--dataset: no such folder {dataset!r}")
    numbers = {name_key(name): number for number, name in enumerate(classes)}
    paths: list[str] = []
    labels: list[int] = []
    passed_over = sum(entry.is_file() for entry in root.iterdir())
    for directory in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        number = numbers.get(name_key(directory.name))
        names = [file.relative_to(directory).as_posix() for file in sorted(directory.rglob("*")) if file.is_file()]
        if number is None:
            if not is_side_file(directory.name):
                raise ValueError(
                    f"--dataset: folder {directory.name!r} of {dataset} is no line of --classes; "
                    "add it there or remove it"
                )
            passed_over += len(names)
            continue
        images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES) and not is_side_file(name)]
        paths += [f"{directory.name}/{name}" for name in images]
        labels += [number] * len(images)
        passed_over += len(names) - len(images)
    if not paths:
        raise FileNotFoundError(
            f"--dataset: no image below the class folders of {dataset} ({passed_over} other files); expected "
            f"CLASS/NAME with one of {', '.join(IMAGE_SUFFIXES)}"
        )
    return Labelled(paths, labels, passed_over)


@torch.no_grad()
def embed_classes(
    model: CLIP, tokenizer: CaptionTokenizer, classes: list[str], templates: list[str], batch_size: int
) -> torch.Tensor:
    """Return ``[K, E]``: per class the mean of its prompts' features, of length one again."""
    texts = prompts(classes, templates)
    parts = []
    for start in range(0, len(texts), batch_size):
        tokens, eos = tokenizer.encode(texts[start : start + batch_size])
        parts.append(model.encode_texts(torch.from_numpy(tokens), torch.from_numpy(eos)))
    features_KTE = torch.cat(parts).view(len(classes), len(templates), -1)
    return F.normalize(features_KTE.mean(dim=1), dim=-1)


@torch.no_grad()
def classify(
    model: CLIP, dataset: str, images: Labelled, classes_KE: torch.Tensor, *, batch_size: int, threads: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return (places of the images that decode ``[N]``, cosines ``[N, K]``, one line per image that does not)."""
    image_px = model.config.image.image_px
    places: list[int] = []
    cosines: list[np.ndarray] = []
    skipped: list[str] = []

    def load(place: int) -> np.ndarray | str:
        try:
            return centre_crop(decode((Path(dataset) / images.paths[place]).read_bytes(), image_px), image_px)
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
            features_NE = model.encode_images(torch.from_numpy(np.stack([x for _, x in good])))
            cosines.append((features_NE @ classes_KE.T).numpy())
    if not places:
        raise ValueError(f"--dataset: none of the {len(images.paths)} images of {dataset} decodes")
    return np.array(places), np.concatenate(cosines), skipped


def score(cosines_NK: np.ndarray, labels_N: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """Return top-1, top-5, mean per class and the accuracy of each class that has images."""
    order_NK = np.argsort(-cosines_NK, axis=1, kind="stable")
    right_N = order_NK[:, 0] == labels_N
    top5 = (order_NK[:, :5] == labels_N[:, None]).any(axis=1)
    per_class = {classes[k]: float(right_N[labels_N == k].mean()) for k in np.unique(labels_N).tolist()}
    return {
        "images": len(labels_N),
        "classes": len(classes),
        "classes_with_images": len(per_class),
        "top1": float(right_N.mean()),
        "top5": float(top5.mean()),
        "mean_per_class": float(np.mean(list(per_class.values()))),
        "chance": 1 / len(classes),
        "per_class": per_class,
    }


def _run_record(config: ZeroShotConfig, classes: list[str], templates: list[str], images: Labelled) -> RunRecord:
    """Return what decides the results: the weights, the class names, the templates, the images."""
    checkpoint = model_folder(config.checkpoint)
    sizes = [[path, (Path(config.dataset) / path).stat().st_size] for path in images.paths]
    return RunRecord(
        command="trainer evaluate zero-shot",
        config={"classes": classes, "templates": templates},
        inputs=[
            {"name": MODEL_FILE, "sha256": hashlib.sha256(checkpoint.read(MODEL_FILE)).hexdigest()},
            {"name": "dataset", "listing_sha256": hashlib.sha256(json.dumps(sizes).encode()).hexdigest()},
        ],
        paths={"checkpoint": checkpoint.url, "dataset": config.dataset},
    )


def evaluate(config: ZeroShotConfig) -> dict[str, Any]:
    """Run the evaluation, write and return its results."""
    classes, templates = read_classes(config.classes), read_templates(config.templates)
    images = find_images(config.dataset, classes)
    record = _run_record(config, classes, templates, images)
    if config.output is not None:
        start_run(Folder(config.output), record)
    model, tokenizer = load_model(config.checkpoint)
    torch.set_num_threads(config.threads)
    classes_KE = embed_classes(model, tokenizer, classes, templates, config.batch_size)
    places, cosines_NK, skipped = classify(
        model, config.dataset, images, classes_KE, batch_size=config.batch_size, threads=config.threads
    )
    results = score(cosines_NK, np.array(images.labels)[places], classes)
    results |= {"templates": len(templates), "skipped": len(skipped), "passed_over": images.passed_over}
    for line in skipped[:20]:
        print(f"skipped {printable(line)}", file=sys.stderr)
    if config.output is not None:
        folder = Folder(config.output)
        best = cosines_NK.argmax(axis=1)
        columns = [
            [images.paths[place] for place in places],
            [classes[images.labels[place]] for place in places],
            [classes[k] for k in best],
            cosines_NK[np.arange(len(best)), best],
        ]
        table = pa.Table.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, PREDICTIONS, strict=True)],
            schema=PREDICTIONS,
        )
        files = [
            write_table(folder, PREDICTIONS_FILE, table, PREDICTIONS),
            folder.write_json(RESULTS_FILE, results),
        ]
        summary = {name: results[name] for name in ("top1", "top5", "mean_per_class", "images", "skipped")}
        write_manifest(folder, "evaluation", files, rows=len(table), identity=record.identity, summary=summary)
    others = f", {images.passed_over} other files" if images.passed_over else ""
    print(
        f"{results['images']:,} images ({results['skipped']} skipped{others}), "
        f"{len(classes)} classes, {len(templates)} templates: "
        f"top-1 {results['top1']:.1%}, top-5 {results['top5']:.1%}, "
        f"mean per class {results['mean_per_class']:.1%}, chance {results['chance']:.1%}"
    )
    return results
