"""Boxes in COCO's JSON and a folder of images in; columns of images, boxes and classes out.

    {"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, ...],
     "categories": [{"id": 1, "name": "dog"}, ...],
     "annotations": [{"image_id": 1, "category_id": 1, "bbox": [left, top, width, height], "iscrowd": 0}, ...]}

LVIS's `coco_url`, `neg_category_ids` and `not_exhaustive_category_ids` of an image are read, too. A record that cannot
be used is left out and counted by its reason. The file is in memory while it is read, without its polygons, dropped
as they are parsed; then some 60 bytes a box and 300 an image stay. Shapes: I images, N boxes of all of them, K classes.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.existing_paths import is_dir, is_file
from trainer.evaluate.class_names import name_key, read_lines

_MALFORMED, _NO_IMAGE, _NO_CLASS = "malformed annotations", "annotations of unknown images", "of unknown categories"
_EMPTY, _OUTSIDE, _CUT = "empty boxes", "boxes outside of their image", "boxes cut at their image's edge"
_BAD_IMAGE, _MISSING, _TWICE = "malformed images", "missing image files", "images whose id is another's"
_JOINED = "categories with the name of another, joined with it"
KEPT = (_CUT, _JOINED)
"""What is counted and used all the same."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """The images that are there, in the file's order, and their boxes, image by image."""

    classes: list[str]
    files: list[str]
    """Of the I images, relative to the folder."""
    image_ids: list[Any]
    """The file's own."""
    category_ids: list[Any]
    """The file's own, by class; of joined ones the first."""
    sizes_I2: npt.NDArray[np.int64]
    """Width and height of each image, as the file says."""
    starts: npt.NDArray[np.int64]
    """``[I + 1]``: image i has the boxes ``starts[i] .. starts[i + 1] - 1``."""
    boxes_N4: npt.NDArray[np.float64]
    """By corners, in pixels, inside the image."""
    labels_N: npt.NDArray[np.int64]
    is_crowd_N: npt.NDArray[np.bool_]
    """A box around many objects at once: neither wanted nor wrong."""
    absent: dict[int, list[int]]
    """By image: classes that are known not to be in it (LVIS)."""
    unsure: dict[int, list[int]]
    """By image: classes of which not all objects have boxes (LVIS)."""
    faults: Counter[str]
    """How many records were left out, or mended, by reason."""

    def of_image(self, image: int) -> slice:
        """Return where the boxes of an image stand."""
        return slice(int(self.starts[image]), int(self.starts[image + 1]))

    def told(self) -> str:
        """Return the counts in words: `1,000 images, 2,515 boxes, 24 classes (3 empty boxes left out)`."""
        counted = ", ".join(
            f"{number:,} {reason}{'' if reason in KEPT else ' left out'}"
            for reason, number in sorted(self.faults.items())
        )
        said = f"{len(self.files):,} images, {len(self.labels_N):,} boxes, {len(self.classes):,} classes"
        return f"{said} ({counted})" if counted else said


class _Box(NamedTuple):
    """An annotation as it was parsed; what is malformed is None."""

    image: Any
    category: Any
    bbox: tuple[float, float, float, float] | None
    crowd: bool


def read_annotations(path: str, images: str, option: str = "annotations") -> Annotations:
    """Return what stands in the file at `path` of images in the folder `images`.

    Raises FileNotFoundError or ValueError in one line: no such file or folder, no JSON of this kind, no image or no box
    that can be used.
    """
    for kind, place, is_there in (("file", path, is_file(path)), ("folder", images, is_dir(images))):
        if not is_there:
            raise FileNotFoundError(f"--{option if kind == 'file' else 'images'}: no such {kind} {place!r}")
    body = _parse(path, option)
    faults: Counter[str] = Counter()
    classes, numbers, category_ids = _read_classes(body["categories"], faults, f"--{option}: {path}")
    listed = _read_images(body["images"], Path(images), faults)
    if not listed:
        raise ValueError(
            f"--{option}: none of the {len(body['images'])} images of {path} is in {images}: {_said(faults)}"
        )
    places = {image["id"]: place for place, image in enumerate(listed)}
    known = {image["id"] for image in body["images"] if isinstance(image, dict) and _is_id(image.get("id"))}
    sizes_I2 = np.array([[image["width"], image["height"]] for image in listed], dtype=np.int64).reshape(-1, 2)
    boxes_N4, labels_N, is_crowd_N, starts = _read_boxes(body["annotations"], places, known, numbers, sizes_I2, faults)
    return Annotations(
        classes, [image["file_name"] for image in listed], [image["id"] for image in listed], category_ids, sizes_I2,
        starts, boxes_N4, labels_N, is_crowd_N, _class_lists(listed, "neg_category_ids", numbers),
        _class_lists(listed, "not_exhaustive_category_ids", numbers), faults,
    )  # fmt: skip


def read_class_names(path: str, option: str) -> list[str]:
    """Return the categories' names of COCO's JSON (`.json`), or the lines of a text file."""
    if not path.lower().endswith(".json"):
        return [name for _, name in read_lines(path, f"--{option}")]
    if not is_file(path):
        raise FileNotFoundError(f"--{option}: no such file {path!r}")
    return _read_classes(_parse(path, option)["categories"], Counter(), f"--{option}: {path}")[0]


def _said(faults: Counter[str]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in sorted(faults.items())) or "it lists none"


def _parse(path: str, option: str) -> dict[str, list[Any]]:
    """Return the three lists. An annotation becomes a `_Box` as soon as it is parsed: its polygons do not stay."""
    try:
        with Path(path).open("rb") as file:
            body = json.load(file, object_hook=_plain)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--{option}: {path}: expected COCO's JSON, {error}") from error
    for name in ("images", "annotations", "categories"):
        if not isinstance(body, dict) or not isinstance(body.get(name), list):
            raise ValueError(f"--{option}: {path}: expected COCO's JSON with a list {name!r}, found none")
    return body


def _plain(found: dict[str, Any]) -> Any:
    """Return a `_Box` of an annotation, everything else as it is."""
    if "bbox" not in found and not {"image_id", "category_id"} <= found.keys():
        return found
    bbox = found.get("bbox")
    is_box = isinstance(bbox, list) and len(bbox) == 4 and all(type(x) in (int, float) for x in bbox)
    image_id, category_id = (
        value if _is_id(value := found.get(name)) else None for name in ("image_id", "category_id")
    )
    sides: Any = tuple(map(float, bbox)) if is_box and bbox is not None else None
    return _Box(image_id, category_id, sides, bool(found.get("iscrowd", 0)))


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _read_classes(listed: list[Any], faults: Counter[str], where: str) -> tuple[list[str], dict[Any, int], list[Any]]:
    """Return the names, their numbers by the file's ids, and the ids by number."""
    names: dict[str, int] = {}
    classes: list[str] = []
    numbers: dict[Any, int] = {}
    category_ids: list[Any] = []
    for place, category in enumerate(listed):
        name = category.get("name") if isinstance(category, dict) else None
        if not isinstance(name, str) or not name.strip() or not _is_id(category.get("id")):
            raise ValueError(f"{where}, category {place}: expected an id and a name, found {str(category)[:80]!r}")
        if category["id"] in numbers:
            raise ValueError(f"{where}, category {place}: id {category['id']!r} stands twice")
        number = names.setdefault(name_key(name).lower(), len(classes))
        if number < len(classes):
            faults[_JOINED] += 1
        else:
            classes.append(" ".join(name.replace("_", " ").split()))
            category_ids.append(category["id"])
        numbers[category["id"]] = number
    if not classes:
        raise ValueError(f"{where}: expected at least one category, found none")
    return classes, numbers, category_ids


def _read_images(listed: list[Any], folder: Path, faults: Counter[str]) -> list[dict[str, Any]]:
    """Return the images whose file is in the folder."""
    usable: list[dict[str, Any]] = []
    seen = set()
    for image in map(_named, listed):
        if not _is_image(image):
            faults[_BAD_IMAGE] += 1
        elif image["id"] in seen:
            faults[_TWICE] += 1
        elif not is_file(folder / image["file_name"]):
            faults[_MISSING] += 1
        else:
            usable.append(image)
        if _is_image(image):
            seen.add(image["id"])
    return usable


def _named(image: Any) -> Any:
    """Return an image with a file name: LVIS's have an address alone, of which folder and name count."""
    if isinstance(image, dict) and "file_name" not in image and isinstance(image.get("coco_url"), str):
        return image | {"file_name": "/".join(image["coco_url"].split("/")[-2:])}
    return image


def _is_image(image: Any) -> bool:
    if not isinstance(image, dict) or not _is_id(image.get("id")) or not isinstance(image.get("file_name"), str):
        return False
    path = PurePosixPath(image["file_name"])
    is_inside = (
        bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in image["file_name"]
    )
    return is_inside and all(type(image.get(side)) is int and 0 < image[side] < 1 << 20 for side in ("width", "height"))


def _read_boxes(
    listed: list[Any],
    places: dict[Any, int],
    known: set[Any],
    numbers: dict[Any, int],
    sizes_I2: npt.NDArray[np.int64],
    faults: Counter[str],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return boxes, labels, crowds, and where each image's begin; boxes keep the file's order inside an image."""
    boxes = [one for one in listed if isinstance(one, _Box) and None not in one]
    faults[_MALFORMED] += len(listed) - len(boxes)
    image_N = np.array([places.get(one.image, -1 if one.image in known else -2) for one in boxes], dtype=np.int64)
    label_N = np.array([numbers.get(one.category, -1) for one in boxes], dtype=np.int64)
    is_crowd_N = np.array([one.crowd for one in boxes], dtype=bool)
    xywh_N4 = np.array([one.bbox for one in boxes], dtype=np.float64).reshape(-1, 4)
    corners_N4 = np.concatenate([xywh_N4[:, :2], xywh_N4[:, :2] + xywh_N4[:, 2:]], axis=1)
    edges_N4 = np.tile(sizes_I2[np.maximum(image_N, 0)], 2).astype(np.float64) if len(sizes_I2) else corners_N4
    cut_N4 = np.clip(corners_N4, 0, edges_N4)
    is_left = np.ones(len(boxes), dtype=bool)
    for reason, is_fault in (
        (_MALFORMED, ~np.isfinite(xywh_N4).all(axis=1)),
        (_NO_IMAGE, image_N == -2),
        ("", image_N == -1),  # of an image that is counted itself
        (_NO_CLASS, label_N < 0),
        (_EMPTY, (xywh_N4[:, 2:] <= 0).any(axis=1)),
        (_OUTSIDE, (cut_N4[:, 2:] <= cut_N4[:, :2]).any(axis=1)),
    ):
        if reason:
            faults[reason] += int((is_left & is_fault).sum())
        is_left &= ~is_fault
    faults[_CUT] += int((is_left & (np.abs(cut_N4 - corners_N4) > 1).any(axis=1)).sum())  # COCO's are off by rounding
    for reason in [reason for reason, number in faults.items() if not number]:
        del faults[reason]
    rows = np.flatnonzero(is_left)
    rows = rows[np.argsort(image_N[rows], kind="stable")]
    starts = np.searchsorted(image_N[rows], np.arange(len(sizes_I2) + 1)).astype(np.int64)
    return cut_N4[rows], label_N[rows], is_crowd_N[rows], starts


def _class_lists(listed: list[dict[str, Any]], key: str, numbers: dict[Any, int]) -> dict[int, list[int]]:
    found = {}
    for place, image in enumerate(listed):
        ids = image.get(key)
        if isinstance(ids, list) and ids:
            found[place] = sorted({numbers[one] for one in ids if _is_id(one) and one in numbers})
    return found
