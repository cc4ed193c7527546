"""Zero-shot classification with an ensemble of prompts (CLIP, section 3.1.4).

In: a model, a dataset of labelled images, class names, templates. Out: top-1, top-5, mean per class, calibration, which
classes are taken for which, a prediction per image, a picture of what goes worst. Shapes: N images, K classes.
"""

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from schemas.arrow_types import schema_of
from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table
from schemas.utf8_name import utf8_name
from trainer.evaluate.calibration import calibrate
from trainer.evaluate.class_names import ClassNames, read_classes
from trainer.evaluate.classify import Classified, classify, embed_classes, is_right, score
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.confusion import CONFUSION, confusion_table, most_confused
from trainer.evaluate.contact_sheet import contact_sheet
from trainer.evaluate.inputs import find_images
from trainer.evaluate.labelled.labelled import Labelled
from trainer.evaluate.prompts import read_templates
from trainer.evaluate.worst_classes import worst_rows
from trainer.telling.skipped import tell_skipped
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import load_chosen

RESULTS_FILE = "results.json"
PREDICTIONS_FILE, CONFUSION_FILE, WORST_FILE = "predictions.parquet", "confusion.parquet", "worst_classes.png"
CONFUSED_TOLD = 20
"""Pairs of classes in the results; all are in the table."""

PREDICTIONS = schema_of(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
    ]
)
"""score is the cosine of the image and the predicted class, confidence its probability among all classes by the model's
scale; path is the image's name in the dataset."""


def _run_record(
    config: ZeroShotConfig, model: FrozenCLIP, classes: ClassNames, templates: list[str], images: Labelled
) -> RunRecord:
    """Return what decides the results: the model, the class names, the templates, the images."""
    listing = [list(row) for row in zip(images.names, images.labels, images.sizes, strict=True)]
    return RunRecord(
        command="trainer evaluate zero-shot",
        config={"classes": classes.names, "templates": templates, "precision": model.precision},
        inputs=[
            {"name": "model", "sha256": model.fingerprint},
            {"name": "dataset", "listing_sha256": hashlib.sha256(json.dumps(listing).encode()).hexdigest()},
        ],
        paths={"checkpoint": config.checkpoint, "dataset": config.dataset},
    )


def evaluate(config: ZeroShotConfig) -> dict[str, Any]:
    """Run the evaluation, write and return its results."""
    classes, templates = read_classes(config.classes), read_templates(config.templates)
    images = find_images(config.dataset, classes)
    model, _, tokenizer = load_chosen(config)
    if config.output is not None:
        record = _run_record(config, model, classes, templates, images)
        start_run(Folder(config.output), record)
    torch.set_num_threads(config.threads)
    classes_KE = embed_classes(model, tokenizer, classes, templates, config.batch_size)
    found = classify(model, images, classes_KE, batch_size=config.batch_size, threads=config.threads)
    if not len(found.places):
        raise ValueError(f"--dataset: none of the {len(images)} images of {config.dataset} decodes")
    labels_N = np.array(images.labels, dtype=np.int64)[found.places]
    confusion = confusion_table(labels_N, found.nearest[:, 0], classes.titles)
    results = score(found.nearest, labels_N, classes.titles)
    results |= {
        "templates": len(templates),
        "skipped": len(found.skipped),
        "passed_over": images.passed_over,
        "calibration": calibrate(found.confidences, is_right(found.nearest, labels_N)[0]),
        "most_confused": most_confused(confusion, CONFUSED_TOLD),
    }
    tell_skipped(found.skipped)
    if config.output is not None:
        folder = Folder(config.output)
        files = _write(folder, images, found, labels_N, classes.titles)
        files += [write_table(folder, CONFUSION_FILE, confusion, CONFUSION), folder.write_json(RESULTS_FILE, results)]
        summary = {name: results[name] for name in ("top1", "top5", "mean_per_class", "images", "skipped")}
        write_manifest(folder, "evaluation", files, rows=len(labels_N), identity=record.identity, summary=summary)
    print(_told(results))
    return results


def _write(
    folder: Folder, images: Labelled, found: Classified, labels_N: np.ndarray, titles: list[str]
) -> list[FileRecord]:
    """Write predictions and the picture of the worst classes; return their records."""
    names = pa.array(titles, pa.string())
    columns = [
        pa.array([utf8_name(images.names[place]) for place in found.places], pa.string()),
        names.take(pa.array(labels_N)),
        names.take(pa.array(found.nearest[:, 0])),
        pa.array(found.cosines, pa.float32()),
        pa.array(found.confidences.astype(np.float32)),
    ]
    table = pa.Table.from_arrays(columns, schema=PREDICTIONS)
    written = [write_table(folder, PREDICTIONS_FILE, table, PREDICTIONS)]
    if rows := worst_rows(images, found, titles):
        written.append(folder.write(WORST_FILE, contact_sheet(rows)))
    return written


def _told(results: dict[str, Any]) -> str:
    others = f", {results['passed_over']} other files" if results["passed_over"] else ""
    error = results["calibration"]["expected_calibration_error"]
    return (
        f"{results['images']:,} images ({results['skipped']} skipped{others}), "
        f"{results['classes']} classes, {results['templates']} templates: "
        f"top-1 {results['top1']:.1%}, top-5 {results['top5']:.1%}, "
        f"mean per class {results['mean_per_class']:.1%}, chance {results['chance']:.1%}, calibration error {error:.1%}"
    )
