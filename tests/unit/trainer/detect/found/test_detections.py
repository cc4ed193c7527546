"""From patches to boxes in an image's pixels: with a detector whose every box and score is known."""

import numpy as np
import pytest
import torch

from tests.support.small_towers import VIT, small_clip
from trainer.detect.found.detections import Choice, find
from trainer.detect.model.boxes import to_corners
from trainer.detect.model.detector import make_detector

ALL = Choice(least_score=0.0, most_iou=1.0, most=10_000)


def rgb(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    made = make_detector(small_clip(VIT).float(), 32).eval()
    torch.nn.init.normal_(made.box_head.dense2.weight, std=2)
    torch.nn.init.normal_(made.class_head.logit_shift.weight, std=0.1)
    return made


def queries(num: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(num, 16, generator=torch.Generator().manual_seed(0)), dim=-1)


def test_boxes_are_of_the_image_without_the_grey_and_inside_it(detector) -> None:
    tall, wide = rgb(64, 20), rgb(30, 64)
    found = find(detector, [tall, wide], queries(3), ALL)
    for image, of_image in zip((tall, wide), found, strict=True):
        height, width = image.shape[:2]
        assert len(of_image.scores_D) == 16 * 3
        assert (of_image.boxes_D4 >= 0).all()
        assert (of_image.boxes_D4[:, 2] <= width).all()
        assert (of_image.boxes_D4[:, 3] <= height).all()
        assert (of_image.scores_D.diff() <= 0).all()
    alone = find(detector, [wide], queries(3), ALL)[0]
    torch.testing.assert_close(alone.boxes_D4, found[1].boxes_D4, atol=1e-3, rtol=1e-4)


def test_scores_and_boxes_are_those_of_the_patches(detector) -> None:
    image = rgb(32, 32)
    with torch.no_grad():
        objects = detector.find_objects(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
        scores = torch.sigmoid(objects.logits(queries(2)))[0]
    found = find(detector, [image], queries(2), ALL)[0]
    corners = to_corners(objects.boxes_NL4[0]) * 32
    for box, score, query in zip(found.boxes_D4, found.scores_D, found.queries_D, strict=True):
        alike = (scores[:, query] - score).abs() < 1e-6
        assert ((corners[alike].clamp(0, 32) - box).abs() < 1e-3).all(dim=1).any()


def test_the_choice_is_kept_to(detector) -> None:
    image = rgb(32, 32)
    scores = find(detector, [image], queries(2), ALL)[0].scores_D
    least = float(scores[8])
    sure = find(detector, [image], queries(2), Choice(least, 1.0, 10_000))[0]
    assert torch.equal(sure.scores_D, scores[scores >= least])
    assert len(find(detector, [image], queries(2), Choice(0.0, 1.0, 3))[0].scores_D) == 3
    assert len(find(detector, [image], queries(2), Choice(1.0, 1.0, 3))[0].scores_D) == 0
    apart = find(detector, [image], queries(2), Choice(0.0, 0.0, 10_000))[0]
    assert 2 <= len(apart.scores_D) < len(scores)
