"""An image with boxes as it is trained on: boxes stay on their objects, whatever is drawn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.drawn_scenes import CLASSES, COLOURS, write_scenes
from trainer.data.decode.image import ImageFault
from trainer.detect.data.annotations import read_annotations
from trainer.detect.data.examples import View, make_example

VIEW = View(image_px=64, num_negatives=4, least_part=0.5, mirrors=True, most_objects=64)


def test_boxes_stay_on_their_shapes(tmp_path: Path) -> None:
    path, images = write_scenes(tmp_path, 6, seed=5)
    annotations = read_annotations(str(path), str(images))
    num = 0
    for draw in range(60):
        example = make_example(annotations, images, draw % 6, VIEW, (draw,))
        for box, label in zip(example.boxes_M4, example.labels_M, strict=True):
            assert (box >= 0).all()
            assert (box <= 1).all()
            left, top, right, bottom = box * 64
            middle = example.pixels_3PP[:, int((top + bottom) / 2), int((left + right) / 2)].astype(int)
            colour, shape = CLASSES[label].split()
            is_whole = (box > 0.01).all() and (box < 0.99).all()
            if shape == "square" or (shape in ("circle", "cross") and is_whole):  # of others the middle can be ground
                assert np.abs(middle - COLOURS[colour]).max() <= 30
                num += 1
        assert set(example.labels_M.tolist()) == set(example.asked[: len(set(example.labels_M.tolist()))].tolist())
    assert num > 30


def test_the_draw_alone_decides(tmp_path: Path) -> None:
    path, images = write_scenes(tmp_path, 2, seed=5)
    annotations = read_annotations(str(path), str(images))
    first, again, other = (make_example(annotations, images, 1, VIEW, draw) for draw in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(first.pixels_3PP, again.pixels_3PP)
    assert np.array_equal(first.boxes_M4, again.boxes_M4)
    assert np.array_equal(first.asked, again.asked)
    assert not np.array_equal(first.pixels_3PP, other.pixels_3PP)


def made(tmp_path: Path, boxes: list[tuple[list[int], int, int]], **of_image: object):
    Image.new("RGB", (40, 40), "white").save(tmp_path / "a.png")
    body = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 40} | of_image],
        "categories": [{"id": number, "name": f"class {number}"} for number in range(4)],
        "annotations": [
            {"image_id": 1, "category_id": category, "bbox": box, "iscrowd": crowd} for box, category, crowd in boxes
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(body))
    return read_annotations(str(tmp_path / "a.json"), str(tmp_path))


def test_crowds_are_neither_wanted_nor_asked_and_the_largest_stay(tmp_path: Path) -> None:
    boxes = [([0, 0, 10, 10], 0, 0), ([0, 0, 20, 20], 1, 0), ([5, 5, 5, 5], 0, 0), ([0, 0, 40, 40], 2, 1)]
    annotations = made(tmp_path, boxes)
    view = View(image_px=32, num_negatives=9, least_part=1.0, mirrors=False, most_objects=2)
    example = make_example(annotations, tmp_path, 0, view, (0,))
    assert example.labels_M.tolist() == [0, 1]
    np.testing.assert_allclose(example.boxes_M4, [[0, 0, 0.25, 0.25], [0, 0, 0.5, 0.5]])
    assert example.num_cut == 1
    assert example.asked.tolist() == [0, 1, 3]


def test_lvis_absent_ones_are_asked_and_not_exhaustive_ones_are_not(tmp_path: Path) -> None:
    annotations = made(tmp_path, [([0, 0, 10, 10], 0, 0)], neg_category_ids=[3], not_exhaustive_category_ids=[2])
    view = View(image_px=32, num_negatives=1, least_part=1.0, mirrors=False, most_objects=9)
    assert make_example(annotations, tmp_path, 0, view, (0,)).asked.tolist() == [0, 3]
    more = View(image_px=32, num_negatives=5, least_part=1.0, mirrors=False, most_objects=9)
    assert make_example(annotations, tmp_path, 0, more, (0,)).asked.tolist() == [0, 3, 1]


def test_an_image_of_another_size_is_a_fault(tmp_path: Path) -> None:
    annotations = made(tmp_path, [([0, 0, 10, 10], 0, 0)], width=41)
    with pytest.raises(ImageFault, match="has another size than its annotations say"):
        make_example(annotations, tmp_path, 0, VIEW, (0,))
