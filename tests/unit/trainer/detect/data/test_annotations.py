"""COCO's JSON as strangers write it: what is left out is counted by its reason, what is no such file is one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.detect.data.annotations import Annotations, read_annotations, read_class_names

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "Red_Fox"}, {"id": 9, "name": "red fox"}]


def image(number: int, **more: object) -> dict:
    return {"id": number, "file_name": f"{number}.png", "width": 40, "height": 30} | more


def box(number: int, bbox: object, category: object = 7, **more: object) -> dict:
    return {"image_id": number, "category_id": category, "bbox": bbox, "segmentation": [[1, 2, 3, 4]]} | more


def read(tmp_path: Path, images: list, annotations: list, categories: list | None = None) -> Annotations:
    folder = tmp_path / "images"
    folder.mkdir(exist_ok=True)
    for number in (1, 2, 3):
        Image.new("RGB", (40, 30)).save(folder / f"{number}.png")
    path = tmp_path / "annotations.json"
    body = {
        "images": images,
        "annotations": annotations,
        "categories": CATEGORIES if categories is None else categories,
    }
    path.write_text(json.dumps(body))
    return read_annotations(str(path), str(folder))


def test_boxes_stand_by_image_in_the_files_order(tmp_path: Path) -> None:
    found = read(
        tmp_path, [image(2), image(1), image(3)],
        [box(1, [5, 6, 10, 12]), box(2, [0, 0, 40, 30], 3), box(1, [1.5, 2, 3, 4], 9, iscrowd=1)],
    )  # fmt: skip
    assert found.classes == ["dog", "Red Fox"]
    assert (found.files, found.image_ids, found.category_ids) == (["2.png", "1.png", "3.png"], [2, 1, 3], [7, 3])
    assert found.starts.tolist() == [0, 1, 3, 3]
    np.testing.assert_array_equal(found.boxes_N4, [[0, 0, 40, 30], [5, 6, 15, 18], [1.5, 2, 4.5, 6]])
    assert found.labels_N.tolist() == [1, 0, 1]
    assert found.is_crowd_N.tolist() == [False, False, True]
    assert found.faults == {"categories with the name of another, joined with it": 1}
    assert found.boxes_N4[found.of_image(1)].shape == (2, 4)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (box(1, [5, 6, 10]), "malformed annotations"),
        (box(1, "5 6 7 8"), "malformed annotations"),
        (box(1, [5, 6, None, 8]), "malformed annotations"),
        (box(1, [5, 6, float("nan"), 8]), "malformed annotations"),
        (box(1, [True, 6, 7, 8]), "malformed annotations"),
        ({"image_id": 1, "category_id": 7}, "malformed annotations"),
        (box(1, [5, 6, 7, 8], None), "malformed annotations"),
        ("nothing", "malformed annotations"),
        (box(5, [5, 6, 7, 8]), "annotations of unknown images"),
        (box(1, [5, 6, 7, 8], 8), "of unknown categories"),
        (box(1, [5, 6, 0, 8]), "empty boxes"),
        (box(1, [5, 6, 7, -8]), "empty boxes"),
        (box(1, [40, 6, 7, 8]), "boxes outside of their image"),
        (box(1, [-9, -9, 7, 8]), "boxes outside of their image"),
    ],
    ids=["three numbers", "text", "null", "nan", "true", "no box", "no category", "a string", "no such image",
         "no such category", "no width", "negative height", "right of it", "before it"],
)  # fmt: skip
def test_a_bad_annotation_is_left_out_and_counted(tmp_path: Path, annotation: object, reason: str) -> None:
    found = read(tmp_path, [image(1)], [box(1, [1, 2, 3, 4]), annotation], CATEGORIES[:1])
    assert found.faults == {reason: 1}
    np.testing.assert_array_equal(found.boxes_N4, [[1, 2, 4, 6]])
    assert f"1 images, 1 boxes, 1 classes (1 {reason} left out)" == found.told()


def test_a_box_is_cut_at_the_edge_and_only_more_than_rounding_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, [image(1)], [box(1, [-5, 2, 50, 4]), box(1, [0, 0, 40.4, 30.3])], CATEGORIES[:1])
    np.testing.assert_array_equal(found.boxes_N4, [[0, 2, 40, 6], [0, 0, 40, 30]])
    assert found.faults == {"boxes cut at their image's edge": 1}
    assert "left out" not in found.told()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (image(4), "missing image files"),
        (image(1), "images whose id is another's"),
        (image(2, width="40"), "malformed images"),
        (image(2, height=0), "malformed images"),
        (image(2, file_name="../annotations.json"), "malformed images"),
        (image(2, file_name="/etc/hostname"), "malformed images"),
        ("2.png", "malformed images"),
    ],
    ids=["missing", "twice", "width as text", "no height", "outside", "absolute", "a string"],
)
def test_a_bad_image_is_left_out_with_its_boxes(tmp_path: Path, bad: object, reason: str) -> None:
    boxes = [box(1, [1, 2, 3, 4]), box(2, [1, 1, 1, 1]), box(4, [1, 1, 1, 1])]
    listed = [image(1), bad]
    known = {1, *(one["id"] for one in listed if isinstance(one, dict))}
    found = read(tmp_path, listed, boxes, CATEGORIES[:1])
    assert found.files == ["1.png"]
    assert found.boxes_N4.tolist() == [[1, 2, 4, 6]]
    unknown = sum(one["image_id"] not in known for one in boxes)
    assert found.faults == {reason: 1, "annotations of unknown images": unknown}


def test_lvis_says_what_is_absent_and_what_is_not_exhaustive(tmp_path: Path) -> None:
    listed = [image(1, neg_category_ids=[3, 99], not_exhaustive_category_ids=[7]), image(2)]
    found = read(tmp_path, listed, [box(1, [1, 2, 3, 4])])
    assert (found.absent, found.unsure) == ({0: [1]}, {0: [0]})


def test_lvis_images_are_named_by_their_address(tmp_path: Path) -> None:
    (tmp_path / "images" / "train").mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(tmp_path / "images" / "train" / "5.png")
    listed = {"id": 5, "coco_url": "http://there/train/5.png", "width": 40, "height": 30}
    assert read(tmp_path, [listed], [box(5, [1, 2, 3, 4])]).files == ["train/5.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected COCO's JSON"),
        ("[]", "with a list 'images', found none"),
        ('{"images": [], "annotations": {}, "categories": []}', "with a list 'annotations', found none"),
        ('{"images": [], "annotations": [], "categories": []}', "expected at least one category, found none"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "category 0: expected an id and a name"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
         "category 1: id 1 stands twice"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "a"}]}',
         "none of the 1 images of .* 1 malformed images"),
        ("[" * 100_000, "expected COCO's JSON"),
    ],
    ids=["cut", "a list", "no list", "no categories", "no name", "an id twice", "no images", "deep"],
)  # fmt: skip
def test_what_is_no_such_file_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        read_annotations(str(path), str(tmp_path))
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("--annotations: ")


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--annotations: no such file"):
        read_annotations(str(tmp_path / "a.json"), str(tmp_path))
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="--images: no such folder"):
        read_annotations(str(tmp_path / "a.json"), str(tmp_path / "none"))


def test_names_are_read_of_both_kinds_of_files(tmp_path: Path) -> None:
    read(tmp_path, [image(1)], [box(1, [1, 2, 3, 4])])
    (tmp_path / "names.txt").write_text("dog\n\nRed Fox\n")
    assert read_class_names(str(tmp_path / "annotations.json"), "seen") == ["dog", "Red Fox"]
    assert read_class_names(str(tmp_path / "names.txt"), "seen") == ["dog", "Red Fox"]
    with pytest.raises(FileNotFoundError, match="--seen: no such file"):
        read_class_names(str(tmp_path / "none.json"), "seen")
