"""Images on their square: what of it is image, where boxes come to lie."""

import numpy as np
import pytest

from trainer.detect.data.square import GREY, parts_of_square, square


def picture(height: int, width: int) -> np.ndarray:
    """Return a picture with a white rectangle from a quarter to a half of both sides, on black."""
    rgb = np.zeros((height, width, 3), dtype=np.uint8)
    rgb[height // 4 : height // 2, width // 4 : width // 2] = 255
    return rgb


@pytest.mark.parametrize(("height", "width"), [(80, 40), (40, 80), (64, 64), (16, 8)])
def test_the_long_side_fits_and_boxes_move_along(height: int, width: int) -> None:
    pixels, side = square(picture(height, width), 64)
    assert pixels.shape == (3, 64, 64)
    assert side == max(height, width)
    rows, columns = round(64 * height / side), round(64 * width / side)
    assert (pixels[:, rows:] == GREY).all()
    assert (pixels[:, :, columns:] == GREY).all()
    boxes = np.array([[width // 4, height // 4, width // 2, height // 2]], dtype=float)
    left, top, right, bottom = np.rint(parts_of_square(boxes, (0, 0, width, height), side)[0] * 64).astype(int)
    inner = pixels[0, top + 3 : bottom - 3, left + 3 : right - 3]
    assert inner.size
    assert (inner > 250).all()
    assert pixels[0, :rows, :columns].astype(int).sum() == pytest.approx(255 * (right - left) * (bottom - top), rel=0.1)


def test_a_part_is_shown_alone_and_boxes_are_cut_at_it() -> None:
    rgb = picture(40, 80)
    pixels, side = square(rgb, 20, (20, 10, 40, 20))
    assert side == 20
    assert (pixels[:, :10] == 255).all()
    assert (pixels[:, 10:] == GREY).all()
    boxes = parts_of_square(np.array([[20.0, 10, 40, 20], [0, 0, 30, 15]]), (20, 10, 40, 20), side)
    np.testing.assert_allclose(boxes, [[0, 0, 1, 0.5], [0, 0, 0.5, 0.25]])


def test_an_image_of_one_row_keeps_it() -> None:
    pixels, _ = square(np.full((1, 300, 3), 7, dtype=np.uint8), 32)
    assert (pixels[:, 0] == 7).all()
    assert (pixels[:, 1:] == GREY).all()
