"""One annotated image as it is trained on: pixels, boxes, what is asked of it. Drawn by seed, epoch and image alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.data.decode.image import ImageFault, Pixels
from trainer.detect.data.annotations import Annotations
from trainer.detect.data.augment import draw_view, is_seen, mirrored
from trainer.detect.data.image_files import read_rgb
from trainer.detect.data.query_sets import draw_queries
from trainer.detect.data.square import parts_of_square, square


@dataclass(frozen=True)
class View:
    """How images are shown in training."""

    image_px: int
    num_negatives: int
    least_part: float
    """Of an image's area that is seen."""
    mirrors: bool
    most_objects: int
    """Of an image with more the largest are kept: a patch finds one."""


@dataclass(frozen=True, eq=False)
class Example:
    """An image with M objects."""

    pixels_3PP: Pixels
    boxes_M4: npt.NDArray[np.float64]
    """By corners, in parts of the square's side."""
    labels_M: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int64]
    """The classes that are asked of it (`draw_queries`)."""
    num_cut: int
    """Objects that were left out because there were too many."""


def read_image(path: Path, size: tuple[int, int]) -> Pixels:
    """Return ``[height, width, 3]``. Raises `ImageFault` where it does not decode, or its boxes are not of its size."""
    rgb = read_rgb(str(path))
    if (rgb.shape[1], rgb.shape[0]) != size:
        raise ImageFault("has another size than its annotations say")
    return rgb


def make_example(annotations: Annotations, images: Path, image: int, view: View, draw: tuple[int, ...]) -> Example:
    """Return image number `image` as the numbers of `draw` decide. Raises `ImageFault`."""
    width, height = map(int, annotations.sizes_I2[image])
    rgb = read_image(images / annotations.files[image], (width, height))
    rng = np.random.default_rng(draw)
    drawn = draw_view(rng, width, height, view.least_part, mirrors=view.mirrors)
    own = annotations.of_image(image)
    boxes, labels = annotations.boxes_N4[own], annotations.labels_N[own]
    wanted = is_seen(boxes, drawn.part) & ~annotations.is_crowd_N[own]
    pixels_3PP, side = square(rgb, view.image_px, drawn.part)
    boxes_M4 = parts_of_square(boxes[wanted], drawn.part, side)
    labels_M = labels[wanted]
    if drawn.is_mirrored:
        shown_width = drawn.part[2] - drawn.part[0]
        columns = max(1, round(shown_width * view.image_px / side))
        pixels_3PP[:, :, :columns] = pixels_3PP[:, :, :columns][:, :, ::-1].copy()
        boxes_M4 = mirrored(boxes_M4, shown_width / side)
    num_cut = max(0, len(labels_M) - view.most_objects)
    if num_cut:
        areas = (boxes_M4[:, 2:] - boxes_M4[:, :2]).prod(axis=1)
        rows = np.sort(np.argsort(-areas, kind="stable")[: view.most_objects])
        boxes_M4, labels_M = boxes_M4[rows], labels_M[rows]
    # what is in the image, but not in the part that is shown, is not asked: a little of it may be seen
    unsure = np.concatenate([annotations.unsure.get(image, ()), labels]).astype(np.int64)
    absent = np.setdiff1d(np.array(annotations.absent.get(image, ()), dtype=np.int64), unsure)
    asked = draw_queries(
        rng, labels_M.tolist(), absent.tolist(), unsure.tolist(), len(annotations.classes), view.num_negatives
    )
    return Example(pixels_3PP, boxes_M4, labels_M, asked, num_cut)
