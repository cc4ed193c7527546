"""Zero-shot classification with an ensemble of prompts (CLIP, section 3.1.4).

In: a checkpoint, a folder with one folder of images per class, class names, templates. Out: top-1, top-5, mean
per class, and a prediction per image. Shapes: N images, K classes, T templates, E embedding.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from schemas.arrow_types import schema_of
from schemas.manifest import write_manifest
from schemas.printable import printable
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import write_table
from trainer.evaluate.class_names import read_classes, read_templates
from trainer.evaluate.classify import classify, embed_classes, score
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.inputs import Labelled, find_images
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import load_chosen

RESULTS_FILE = "results.json"
PREDICTIONS_FILE = "predictions.parquet"

PREDICTIONS = schema_of(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
"""score is the cosine of the image and the predicted class; path is relative to the dataset."""


def _run_record(
    config: ZeroShotConfig, model: FrozenCLIP, classes: list[str], templates: list[str], images: Labelled
) -> RunRecord:
    """Return what decides the results: the model, the class names, the templates, the images."""
    sizes = [[path, (Path(config.dataset) / path).stat().st_size] for path in images.paths]
    return RunRecord(
        command="trainer evaluate zero-shot",
        config={"classes": classes, "templates": templates, "precision": model.precision},
        inputs=[
            {"name": "model", "sha256": model.fingerprint},
            {"name": "dataset", "listing_sha256": hashlib.sha256(json.dumps(sizes).encode()).hexdigest()},
        ],
        paths={"checkpoint": config.checkpoint, "dataset": config.dataset},
    )


def evaluate(config: ZeroShotConfig) -> dict[str, Any]:
    """Run the evaluation, write and return its results."""
    classes, templates = read_classes(config.classes), read_templates(config.templates)
    images = find_images(config.dataset, classes)
    model, _, tokenizer = load_chosen(config)
    record = _run_record(config, model, classes, templates, images)
    if config.output is not None:
        start_run(Folder(config.output), record)
    torch.set_num_threads(config.threads)
    classes_KE = embed_classes(model, tokenizer, classes, templates, config.batch_size)
    places, cosines_NK, skipped = classify(
        model, config.dataset, images, classes_KE, batch_size=config.batch_size, threads=config.threads
    )
    if not len(places):
        raise ValueError(f"--dataset: none of the {len(images.paths)} images of {config.dataset} decodes")
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
