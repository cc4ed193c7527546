"""Images, and texts or a picture, in; boxes as JSON and drawn on the images out: ``trainer detect run``.

    OUTPUT/detections.json   {"queries": [...], "images": [{"file", "width", "height", "objects": [{"query", "score",
                             "box": [left, top, width, height]}, ...]}, ...], "skipped": [...]}
    OUTPUT/pictures/         a PNG for each image, numbered in the order of the list

Images are in memory `batch_size` at a time. Shapes: Q queries, E embedding.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from schemas.existing_paths import is_file
from schemas.manifest import write_manifest
from schemas.printable import printable
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.utf8_name import utf8_name
from trainer.data.decode.image import ImageFault, Pixels
from trainer.detect.data.image_files import decode_all, list_images, read_rgb
from trainer.detect.data.templates import find_templates
from trainer.detect.found.detections import Choice, Detections, find
from trainer.detect.found.draw import draw_boxes
from trainer.detect.found.image_query import image_query
from trainer.detect.model.detector import Detector
from trainer.detect.model.detector_files import load_detector
from trainer.detect.run_config import DetectRunConfig
from trainer.evaluate.class_names import ClassNames, read_lines
from trainer.evaluate.classify import embed_classes
from trainer.telling.skipped import tell_skipped
from trainer.tokenizer import CaptionTokenizer
from trainer.use.load import find_device
from trainer.weights.digest import weights_sha256

DETECTIONS_FILE = "detections.json"
_TEXTS_AT_ONCE = 256
_SAID = 20
MAX_STEM_BYTES = 160
"""Of an image's name in that of its picture: systems allow 255, and 54 are the number, the suffix, and what a file is
called while it is written."""


def run(config: DetectRunConfig) -> dict[str, Any]:
    """Write and return what was found. Raises OSError or ValueError in one line for what is wrong with an option."""
    torch.set_num_threads(config.threads)
    names, templates = _names(config), find_templates(config.templates)
    paths = list_images(config.images)
    detector, tokenizer = load_detector(config.checkpoint)
    folder = Folder(config.output)
    record = _run_record(config, names, templates, paths, detector)
    if not start_run(folder, record):
        print(f"{folder.url} is finished already: nothing to do")
        return dict(folder.read_json(DETECTIONS_FILE))
    detector = detector.to(find_device(config.device))
    queries_QE = _queries(config, names, templates, detector, tokenizer)
    choice = Choice(config.least_score, config.most_iou, config.most)
    skipped: list[str] = []
    images: list[dict[str, Any]] = []
    files: list[FileRecord] = []
    for batch in decode_all(paths, config.batch_size, config.threads, skipped):
        found = find(detector, [one.rgb for one in batch], queries_QE, choice)
        for one, of_image in zip(batch, found, strict=True):
            images.append(_told(paths[one.number], one.rgb, of_image, names))
            if config.draw:
                files.append(folder.write(picture_file(one.number, paths[one.number]), _png(one.rgb, of_image, names)))
    if not images:
        raise ValueError(f"--images: none of the {len(paths)} images can be used: {skipped[0]}")
    body = {"queries": names, "images": images, "skipped": skipped}
    files.append(folder.write_json(DETECTIONS_FILE, body))
    num_objects = sum(len(image["objects"]) for image in images)
    summary = {"images": len(images), "skipped": len(skipped), "objects": num_objects, "queries": len(names)}
    write_manifest(folder, "detections", files, rows=len(images), identity=record.identity, summary=summary)
    _say(images, skipped, num_objects, folder)
    return body


def _names(config: DetectRunConfig) -> list[str]:
    """Return what is looked for, in words."""
    if config.query_image is not None:
        return [Path(config.query_image).name]
    if config.queries_file is not None:
        return [name for _, name in read_lines(config.queries_file, "--queries-file")]
    names = [name.strip() for name in (config.queries or "").split(",") if name.strip()]
    if not names:
        raise ValueError(f"--queries: expected names, separated by commas, found {config.queries!r}")
    return list(dict.fromkeys(names))


def _run_record(
    config: DetectRunConfig, names: list[str], templates: list[str], paths: list[str], detector: Detector
) -> RunRecord:
    """Return what decides the result: the weights, the queries, the choice, the images by size."""
    picture: dict[str, Any] = {}
    if config.query_image is not None:
        if not is_file(config.query_image):
            raise FileNotFoundError(f"--query-image: no such file {config.query_image!r}")
        picture = {
            "sha256": hashlib.sha256(Path(config.query_image).read_bytes()).hexdigest(), "box": config.query_box
        }  # fmt: skip
    sizes = [[path, Path(path).stat().st_size] for path in paths]
    options = {name: getattr(config, name) for name in ("least_score", "most_iou", "most", "draw")}
    return RunRecord(
        command="trainer detect run",
        config=options | {"queries": names, "templates": templates, "query_image": picture},
        inputs=[
            {"name": "weights", "sha256": weights_sha256(detector.state_dict())},
            {"name": "images", "listing_sha256": hashlib.sha256(json.dumps(sizes).encode()).hexdigest()},
        ],
        paths={"checkpoint": config.checkpoint, "images": list(config.images)},
    )


def _queries(
    config: DetectRunConfig, names: list[str], templates: list[str], detector: Detector, tokenizer: CaptionTokenizer
) -> torch.Tensor:
    """Return ``[Q, E]``, of length one."""
    if config.query_image is None:
        return embed_classes(detector, tokenizer, ClassNames.of(names), templates, _TEXTS_AT_ONCE)
    try:
        rgb = read_rgb(config.query_image)
    except ImageFault as fault:
        raise ValueError(f"--query-image: {config.query_image} {fault}") from fault
    box, (height, width) = config.query_box, rgb.shape[:2]
    if box is not None and (box[0] >= width or box[1] >= height):
        raise ValueError(
            f"--query-box: {' '.join(f'{number:g}' for number in box)} lies outside of {config.query_image}, which is "
            f"{width} pixels wide and {height} high"
        )
    return image_query(detector, rgb, box)[None]


def _told(path: str, rgb: Pixels, found: Detections, names: Sequence[str]) -> dict[str, Any]:
    rows = zip(found.boxes_D4.tolist(), found.scores_D.tolist(), found.queries_D.tolist(), strict=True)
    objects = [
        {
            "query": names[query], "score": round(score, 4),
            "box": [round(number, 2) for number in (left, top, right - left, bottom - top)],
        }
        for (left, top, right, bottom), score, query in rows
    ]  # fmt: skip
    return {"file": path, "width": rgb.shape[1], "height": rgb.shape[0], "objects": objects}


def picture_file(number: int, path: str) -> str:
    """Return what the drawn image is called: its number, and so much of its name as a file's name has room for."""
    stem = utf8_name(Path(path).stem).encode()[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    return f"pictures/{number:05d}-{stem}.png"


def _png(rgb: Pixels, found: Detections, names: Sequence[str]) -> bytes:
    sink = io.BytesIO()
    draw_boxes(rgb, found, names).save(sink, "PNG")
    return sink.getvalue()


def _say(images: list[dict[str, Any]], skipped: list[str], num_objects: int, folder: Folder) -> None:
    tell_skipped(skipped)
    for image in images[:_SAID]:
        found = ", ".join(f"{one['query']} {one['score']:.2f}" for one in image["objects"][:8]) or "nothing"
        more = len(image["objects"]) - 8
        print(printable(f"{image['file']}: {found}{f' and {more} more' if more > 0 else ''}"))
    if len(images) > _SAID:
        print(f"... and {len(images) - _SAID:,} more images")
    print(f"{len(images):,} images ({len(skipped):,} skipped), {num_objects:,} boxes: {folder.url}")
