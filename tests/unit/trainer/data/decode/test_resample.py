"""The kernel that resizes gives Pillow's bytes, of any rectangle, from any part of an image."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from trainer.data.decode.resample import resample


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return an image of extremes, whose weighted sums go beyond 0 and 255."""
    draw = np.random.default_rng(seed)
    return (draw.integers(0, 2, (height, width, 3)) * 255 ^ draw.integers(0, 8, (height, width, 3))).astype(np.uint8)


def resampled(
    pixels: np.ndarray, part: tuple[int, int, int, int], new: tuple[int, int], cut: tuple[int, int, int, int]
) -> np.ndarray:
    """Return the rectangle `cut` (top, left, rows, columns) of `part` (likewise), resized to `new`."""
    out = np.full((3, *cut[2:]), 77, dtype=np.uint8)
    stride = 3 * pixels.shape[1]
    resample(
        pixels.reshape(-1), part[0] * stride + 3 * part[1], stride, part[2], part[3], new[0], new[1], cut[0], cut[1],
        out,
    )  # fmt: skip
    return out


def by_pillow(
    pixels: np.ndarray, part: tuple[int, int, int, int], new: tuple[int, int], cut: tuple[int, int, int, int]
) -> np.ndarray:
    top, left, height, width = part
    image = Image.fromarray(pixels).crop((left, top, left + width, top + height))
    whole = np.asarray(image.resize((new[1], new[0]), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    return whole[:, cut[0] : cut[0] + cut[2], cut[1] : cut[1] + cut[3]]


sides = st.integers(1, 150)


@given(st.data(), sides, sides, sides, sides, st.integers(0, 9))
def test_any_rectangle_of_any_size_is_pillows(
    data: st.DataObject, height: int, width: int, new_height: int, new_width: int, seed: int
) -> None:
    rows, columns = data.draw(st.integers(1, new_height)), data.draw(st.integers(1, new_width))
    cut = (data.draw(st.integers(0, new_height - rows)), data.draw(st.integers(0, new_width - columns)), rows, columns)
    pixels = noise(height + 5, width + 7, seed)
    part = (data.draw(st.integers(0, 5)), data.draw(st.integers(0, 7)), height, width)
    new = (new_height, new_width)
    assert (resampled(pixels, part, new, cut) == by_pillow(pixels, part, new, cut)).all()


@pytest.mark.parametrize(
    ("size", "new"),
    [((1, 1), (224, 224)), ((2, 500), (32, 8_000)), ((3_000, 40), (300, 31)), ((1_200, 1_600), (9, 12)),
     ((256, 341), (224, 298)), ((64, 64), (64, 65)), ((65, 64), (64, 64)), ((40, 90), (40, 90))],
)  # fmt: skip
def test_whole_images_are_pillows(size: tuple[int, int], new: tuple[int, int]) -> None:
    pixels = noise(*size)
    part, cut = (0, 0, *size), (0, 0, *new)
    assert (resampled(pixels, part, new, cut) == by_pillow(pixels, part, new, cut)).all()


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 20))
@example(32, 32, 0)
def test_of_the_same_size_it_is_a_copy(rows: int, columns: int, margin: int) -> None:
    pixels = noise(rows + margin, columns + margin)
    found = resampled(pixels, (0, 0, *pixels.shape[:2]), pixels.shape[:2], (margin, margin, rows, columns))
    assert (found == pixels[margin:, margin:].transpose(2, 0, 1)).all()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_nothing_around_the_arrays_is_touched(height: int, width: int, rows: int, columns: int) -> None:
    around = np.full(3 * rows * columns + 128, 99, dtype=np.uint8)
    out = around[64:-64].reshape(3, rows, columns)
    pixels = noise(height, width)
    resample(pixels.reshape(-1), 0, 3 * width, height, width, rows, columns, 0, 0, out)
    assert (around[:64] == 99).all()
    assert (around[-64:] == 99).all()
