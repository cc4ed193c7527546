"""Which patch of a picture is the query: of those that cover the box the one least like the rest."""

import numpy as np
import torch

from tests.support.small_towers import VIT, small_clip
from trainer.detect.data.square import square
from trainer.detect.found.image_query import image_query
from trainer.detect.model.boxes import pairwise_iou, to_corners
from trainer.detect.model.detector import make_detector


def made():
    torch.manual_seed(0)
    return make_detector(small_clip(VIT).float(), 32).eval()


def test_a_box_of_a_patch_gives_that_patchs_embedding() -> None:
    detector = made()  # boxes are their patches'
    rgb = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = image_query(detector, rgb, (32.0, 16.0, 16.0, 16.0))
    pixels, _ = square(rgb, 32)
    with torch.no_grad():
        embeddings = detector.find_objects(torch.from_numpy(pixels)[None]).embeddings_NLE[0]
    torch.testing.assert_close(found, embeddings[1 * 4 + 2])
    torch.testing.assert_close(found.norm(), torch.tensor(1.0))


def test_the_whole_image_takes_the_least_usual_of_the_boxes_that_cover_it_best() -> None:
    detector = made()
    torch.nn.init.normal_(detector.box_head.dense2.weight, std=1.5)
    detector.box_head.dense2.bias.data[2:] = 4.0  # large boxes
    rgb = np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    found = image_query(detector, rgb)
    with torch.no_grad():
        objects = detector.find_objects(torch.from_numpy(rgb.transpose(2, 0, 1).copy())[None])
    overlap = pairwise_iou(torch.tensor([[0.0, 0, 1, 1]]), to_corners(objects.boxes_NL4[0]))[0][0].tolist()
    mean = objects.embeddings_NLE[0].mean(dim=0)
    good = [place for place in range(16) if overlap[place] >= 0.8 * max(overlap)]
    assert len(good) > 1
    wanted = min(good, key=lambda place: float(objects.embeddings_NLE[0, place] @ mean))
    torch.testing.assert_close(found, objects.embeddings_NLE[0, wanted])
