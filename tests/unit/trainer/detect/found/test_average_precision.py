"""Average precision against pycocotools on drawn detections, and against cases done by hand."""

import contextlib
import io

import numpy as np
import pytest

from trainer.detect.found.average_precision import THRESHOLDS, AveragePrecision, mean_precision

NO_CROWD = np.zeros(0, dtype=bool)


def drawn(seed: int, *, crowds: bool, num_images: int = 12, num_classes: int = 3):
    """Yield (found, scores, labels, boxes, box labels, is crowd) of images; boxes near those there, and others.

    Scores are a few numbers, so that many are equal.
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_images):
        num = int(rng.integers(0, 5))
        first = rng.uniform(0, 60, (num, 2))
        boxes = np.concatenate([first, first + rng.uniform(5, 40, (num, 2))], axis=1)
        labels = rng.integers(0, num_classes, num)
        is_crowd = (rng.random(num) < 0.3) & crowds
        near = boxes.repeat(3, axis=0) + rng.normal(size=(3 * num, 4)) * rng.choice([0.0, 1, 3, 6], (3 * num, 1))
        near = near[(near[:, 2:] > near[:, :2]).all(axis=1)]
        first = rng.uniform(0, 60, (4, 2))
        found = (
            np.concatenate(
                [
                    near,
                    first,
                ],
                axis=0,
            )
            if not len(first)
            else np.concatenate([near, np.concatenate([first, first + rng.uniform(5, 40, (4, 2))], axis=1)])
        )
        scores = rng.permutation(len(found) * 5)[: len(found)] / 1000
        yield found, scores, rng.integers(0, num_classes, len(found)), boxes, labels, is_crowd


def ours(images: list, num_classes: int = 3) -> np.ndarray:
    precision = AveragePrecision(num_classes)
    for image in images:
        precision.add(*image)
    return precision.per_class()


def by_pycocotools(images: list, num_classes: int = 3) -> np.ndarray:
    """Return ``[K, T]``, -1 for a class without boxes."""
    coco = pytest.importorskip("pycocotools.coco", reason="pip install pycocotools")
    cocoeval = pytest.importorskip("pycocotools.cocoeval", reason="pip install pycocotools")
    truth, results = [], []
    for number, (found, scores, labels, boxes, box_labels, is_crowd) in enumerate(images, 1):
        for box, label, crowd in zip(boxes, box_labels, is_crowd, strict=True):
            bbox = [*box[:2], *(box[2:] - box[:2])]
            truth.append({"id": len(truth) + 1, "image_id": number, "category_id": int(label) + 1, "bbox": bbox,
                          "area": bbox[2] * bbox[3], "iscrowd": int(crowd)})  # fmt: skip
        for box, label, score in zip(found, labels, scores, strict=True):
            results.append({"image_id": number, "category_id": int(label) + 1, "score": float(score),
                            "bbox": [*box[:2], *(box[2:] - box[:2])]})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        data = coco.COCO()
        data.dataset = {
            "images": [{"id": number} for number in range(1, len(images) + 1)], "annotations": truth,
            "categories": [{"id": number + 1} for number in range(num_classes)],
        }  # fmt: skip
        data.createIndex()
        judged = cocoeval.COCOeval(data, data.loadRes(results), "bbox")
        judged.evaluate()
        judged.accumulate()
    return judged.eval["precision"][:, :, :, 0, 2].mean(axis=1).T


@pytest.mark.parametrize("crowds", [False, True], ids=["plain", "crowds"])
@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_pycocotools_computes(seed: int, crowds: bool) -> None:
    images = list(drawn(seed, crowds=crowds))
    theirs = by_pycocotools(images)
    found = ours(images)
    np.testing.assert_allclose(np.nan_to_num(found, nan=-1.0), theirs, atol=1e-12)
    assert 0 < np.nanmax(found) < 1


def one(boxes: list, scores: list, truth: list, labels: list | None = None):
    num = len(boxes)
    return (
        np.array(boxes, dtype=float).reshape(-1, 4), np.array(scores, dtype=float),
        np.array(labels or [0] * num, dtype=np.int64), np.array(truth, dtype=float).reshape(-1, 4),
        np.zeros(len(truth), dtype=np.int64), np.zeros(len(truth), dtype=bool),
    )  # fmt: skip


def test_all_found_is_one_and_nothing_found_is_zero() -> None:
    box = [0, 0, 10, 10]
    assert (ours([one([box], [0.3], [box])], 1) == 1).all()
    assert (ours([one([], [], [box])], 1) == 0).all()
    assert (ours([one([[20, 20, 30, 30]], [0.9], [box])], 1) == 0).all()


def test_a_second_box_on_the_same_object_is_wrong_and_ranks_count() -> None:
    box, other = [0, 0, 10, 10], [50, 50, 60, 60]
    twice = ours([one([box, box, other], [0.9, 0.8, 0.7], [box, other])], 1)
    # right, wrong, right: precision 1 up to recall 0.5 (51 of 101), 2/3 above
    np.testing.assert_allclose(twice, (51 + 50 * 2 / 3) / 101)


def test_iou_decides_by_threshold() -> None:
    per_class = ours([one([[0, 0, 10, 10]], [0.9], [[0, 0, 10, 7]])], 1)  # 0.7
    assert per_class[0].tolist() == [float(threshold <= 0.7 + 1e-9) for threshold in THRESHOLDS]


def test_classes_that_are_not_judged_do_not_count_and_means_leave_out_classes_without_boxes() -> None:
    precision = AveragePrecision(3)
    image = one([[0, 0, 9, 9], [0, 0, 10, 10]], [0.9, 0.8], [[0, 0, 10, 10]], [1, 0])
    precision.add(*image, judged=np.array([True, False, True]))
    per_class = precision.per_class()
    assert np.isnan(per_class[1:]).all()
    assert mean_precision(per_class) == (1.0, 1.0)
    assert np.isnan(mean_precision(per_class, [1, 2])).all()
