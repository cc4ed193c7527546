"""Drawn boxes: their edges have the query's colour, what lies far from them is the image."""

import numpy as np
import pytest
import torch

from trainer.detect.found.detections import Detections
from trainer.detect.found.draw import colour_of, draw_boxes


def found(*boxes: tuple[float, float, float, float]) -> Detections:
    num = len(boxes)
    return Detections(torch.tensor(boxes).reshape(-1, 4), torch.linspace(0.9, 0.5, num), torch.arange(num))


def test_edges_are_drawn_and_the_inside_is_left() -> None:
    rgb = np.full((200, 400, 3), 30, dtype=np.uint8)
    pixels = np.asarray(draw_boxes(rgb, found((100, 80, 180, 160), (220, 90, 300, 150)), ["a dog", "a cat"]))
    assert pixels.shape == rgb.shape
    for query, (left, top, right, bottom) in enumerate([(100, 80, 180, 160), (220, 90, 300, 150)]):
        for x, y in ((left, 120), (right - 1, 120), (140 + 120 * query, bottom - 1)):
            assert tuple(pixels[y, x]) == colour_of(query)
        assert (pixels[top + 4 : bottom - 4, left + 4 : right - 4] == 30).all()
    assert (pixels[170:] == 30).all()


def test_without_boxes_it_is_the_image_and_small_ones_are_enlarged() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    pixels = np.asarray(draw_boxes(rgb, found(), []))
    assert np.array_equal(pixels, rgb.repeat(5, axis=0).repeat(5, axis=1))


@pytest.mark.parametrize(
    "name", ["x" * 500, "two\nlines", "\x1b[31mred", "größe 猫"], ids=["long", "lines", "escape", "letters"]
)
def test_any_name_is_written_inside_the_picture(name: str) -> None:
    rgb = np.full((100, 330, 3), 30, dtype=np.uint8)
    pixels = np.asarray(draw_boxes(rgb, found((325, 0, 330, 5)), [name]))
    assert (pixels[:25] != 30).any()
    assert (pixels[40:] == 30).all()


def test_colours_of_many_queries_differ() -> None:
    assert len({colour_of(query) for query in range(60)}) == 60
