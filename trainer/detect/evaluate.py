"""A detector and annotated images in, average precision by category out: ``trainer detect evaluate``.

    OUTPUT/results.json      means and each category's precision
    OUTPUT/detections.json   a list as COCO's tools read results: image_id, category_id, bbox, score

All categories are asked of every image. Shapes: D detections of an image, K classes, E embedding.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.data.decode.image import Pixels
from trainer.detect.data.annotations import Annotations, read_annotations, read_class_names
from trainer.detect.data.image_files import decode_all
from trainer.detect.data.templates import find_templates
from trainer.detect.evaluate_config import DetectEvaluateConfig
from trainer.detect.found.average_precision import AveragePrecision, mean_precision
from trainer.detect.found.detections import Choice, Detections, find
from trainer.detect.model.detector import Detector
from trainer.detect.model.detector_files import load_detector
from trainer.evaluate.class_names import ClassNames, name_key
from trainer.evaluate.classify import embed_classes
from trainer.telling.skipped import tell_skipped
from trainer.use.load import find_device
from trainer.weights.digest import weights_sha256

RESULTS_FILE, DETECTIONS_FILE = "results.json", "detections.json"
_TEXTS_AT_ONCE = 256


def evaluate(config: DetectEvaluateConfig) -> dict[str, Any]:
    """Measure, write and return the results. Raises OSError or ValueError in one line for what is wrong."""
    torch.set_num_threads(config.threads)
    templates = find_templates(config.templates)
    seen = None if config.seen is None else {name_key(name).lower() for name in read_class_names(config.seen, "seen")}
    annotations = read_annotations(config.annotations, config.images)
    detector, tokenizer = load_detector(config.checkpoint)
    if config.output is not None:
        record = _run_record(config, templates, detector)
        start_run(Folder(config.output), record)
    print(annotations.told())
    detector = detector.to(find_device(config.device))
    classes_KE = embed_classes(detector, tokenizer, ClassNames.of(annotations.classes), templates, _TEXTS_AT_ONCE)
    found, precision, skipped = _measure(config, annotations, detector, classes_KE)
    results = _results(annotations, precision.per_class(), seen) | {
        "skipped": len(skipped),
        "templates": len(templates),
    }
    tell_skipped(skipped)
    if config.output is not None:
        folder = Folder(config.output)
        files = [folder.write_json(DETECTIONS_FILE, found), folder.write_json(RESULTS_FILE, results)]
        summary = {name: results[name] for name in ("ap50", "ap", "images", "skipped")}
        write_manifest(folder, "evaluation", files, rows=len(found), identity=record.identity, summary=summary)
    print(_line(results))
    return results


def _run_record(config: DetectEvaluateConfig, templates: list[str], detector: Detector) -> RunRecord:
    paths = {"annotations": config.annotations} | ({} if config.seen is None else {"seen": config.seen})
    return RunRecord(
        command="trainer detect evaluate",
        config={"templates": templates, "most_iou": config.most_iou, "most": config.most},
        inputs=[
            {"name": "weights", "sha256": weights_sha256(detector.state_dict())},
            *(
                {"name": name, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
                for name, path in paths.items()
            ),
        ],
        paths={"checkpoint": config.checkpoint, "images": config.images, **paths},
    )


def _measure(
    config: DetectEvaluateConfig, annotations: Annotations, detector: Detector, classes_KE: torch.Tensor
) -> tuple[list[dict[str, Any]], AveragePrecision, list[str]]:
    """Return (what was found, its precision, one line per image that cannot be used)."""
    precision = AveragePrecision(len(annotations.classes))
    told: list[dict[str, Any]] = []
    skipped: list[str] = []
    choice = Choice(0.0, config.most_iou, config.most)
    paths = [str(Path(config.images) / name) for name in annotations.files]
    for batch in decode_all(paths, config.batch_size, config.threads, skipped):
        right_size = [one for one in batch if _has_size(one.rgb, annotations, one.number)]
        skipped += [
            f"{paths[one.number]}: has another size than its annotations say"
            for one in batch
            if not _has_size(one.rgb, annotations, one.number)
        ]
        if not right_size:
            continue
        found = find(detector, [one.rgb for one in right_size], classes_KE, choice)
        for one, of_image in zip(right_size, found, strict=True):
            _add(precision, annotations, one.number, of_image)
            told += _coco_results(annotations, one.number, of_image)
    if len(skipped) == len(paths):
        raise ValueError(f"--images: none of the {len(paths)} images can be used: {skipped[0]}")
    return told, precision, skipped


def _has_size(rgb: Pixels, annotations: Annotations, image: int) -> bool:
    return (rgb.shape[1], rgb.shape[0]) == tuple(annotations.sizes_I2[image].tolist())


def _add(precision: AveragePrecision, annotations: Annotations, image: int, found: Detections) -> None:
    """Add an image; in LVIS's files only classes count of which it is known whether they are there.

    Where not all objects of a class have boxes a crowd as large as the image takes what no box does.
    """
    own = annotations.of_image(image)
    boxes, labels = annotations.boxes_N4[own], annotations.labels_N[own]
    is_crowd = annotations.is_crowd_N[own]
    judged = None
    if annotations.absent:
        judged = np.zeros(len(annotations.classes), dtype=bool)
        judged[labels] = True
        judged[annotations.absent.get(image, [])] = True
    if unsure := annotations.unsure.get(image):
        whole_14 = np.append(np.zeros(2), annotations.sizes_I2[image])[None]
        boxes = np.concatenate([boxes, whole_14.repeat(len(unsure), axis=0)])
        labels = np.concatenate([labels, np.array(unsure, dtype=np.int64)])
        is_crowd = np.concatenate([is_crowd, np.ones(len(unsure), dtype=bool)])
    precision.add(
        found.boxes_D4.double().numpy(), found.scores_D.double().numpy(), found.queries_D.numpy(),
        boxes, labels, is_crowd, judged,
    )  # fmt: skip


def _coco_results(annotations: Annotations, image: int, found: Detections) -> list[dict[str, Any]]:
    rows = zip(found.boxes_D4.tolist(), found.scores_D.tolist(), found.queries_D.tolist(), strict=True)
    return [
        {
            "image_id": annotations.image_ids[image], "category_id": annotations.category_ids[label],
            "bbox": [left, top, right - left, bottom - top], "score": score,
        }
        for (left, top, right, bottom), score, label in rows
    ]  # fmt: skip


def _results(annotations: Annotations, per_class_KT: np.ndarray, seen: set[str] | None) -> dict[str, Any]:
    """Return the means, and each class's precision at IoU 0.5 and over all; null for one without boxes."""
    groups: dict[str, list[int] | None] = {"": None}
    if seen is not None:
        is_seen = [name_key(name).lower() in seen for name in annotations.classes]
        groups["seen_"] = [number for number, one in enumerate(is_seen) if one]
        groups["unseen_"] = [number for number, one in enumerate(is_seen) if not one]
    results: dict[str, Any] = {"images": len(annotations.files), "boxes": int((~annotations.is_crowd_N).sum())}
    for prefix, chosen in groups.items():
        ap50, ap = mean_precision(per_class_KT, chosen)
        results |= {f"{prefix}ap50": _number(ap50), f"{prefix}ap": _number(ap)}
        results[f"{prefix}classes"] = len(annotations.classes if chosen is None else chosen)
    results["per_class"] = {
        name: {"ap50": _number(of_class[0]), "ap": _number(of_class.mean())}
        for name, of_class in zip(annotations.classes, per_class_KT, strict=True)
    }
    return results


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _line(results: dict[str, Any]) -> str:
    said = []
    for prefix in ("", "seen_", "unseen_"):
        if f"{prefix}ap50" in results:
            ap50, ap = (
                "none" if (value := results[f"{prefix}{name}"]) is None else f"{value:.1%}" for name in ("ap50", "ap")
            )
            said.append(f"{prefix.rstrip('_')} {results[f'{prefix}classes']:,} classes: AP50 {ap50}, AP {ap}".strip())
    return f"{results['images'] - results['skipped']:,} images ({results['skipped']:,} skipped); {'; '.join(said)}"
