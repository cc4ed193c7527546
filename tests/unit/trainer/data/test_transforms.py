"""Image bytes to pixels: sizes, crops, what does not decode."""

import io

import numpy as np
import pytest
from PIL import Image

from trainer.data.transforms import ImageFault, centre_crop, crop, decode


def encoded(width: int, height: int, image_format: str = "PNG", mode: str = "RGB") -> bytes:
    sink = io.BytesIO()
    Image.new(mode, (width, height), None).save(sink, image_format)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("size", "shape"), [((64, 64), (32, 32)), ((100, 50), (32, 64)), ((5, 20), (128, 32)), ((1000, 10), (32, 256))]
)
def test_the_short_side_is_resized(size: tuple[int, int], shape: tuple[int, int]) -> None:
    pixels = decode(encoded(*size), 32)
    assert pixels.shape == (3, *shape)
    assert centre_crop(pixels, 32).shape == (3, 32, 32)


@pytest.mark.parametrize("draw", [0, 2**64 - 1, 2**32 - 1, 12345678901234567])
def test_any_draw_cuts_a_square_inside(draw: int) -> None:
    assert crop(np.zeros((3, 32, 50), dtype=np.uint8), 32, draw).shape == (3, 32, 32)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a", id="start of a GIF"),
        pytest.param(b"\xff\xd8\xff", id="start of a JPEG"),
        pytest.param(encoded(8, 8, "PPM", "L"), id="PPM"),
        pytest.param(encoded(8, 8)[:45], id="cut PNG"),
    ],
)
def test_what_does_not_decode_is_a_fault(data: bytes) -> None:
    with pytest.raises(ImageFault, match="does not decode"):
        decode(data, 32)


def test_a_bomb_is_refused_before_decoding() -> None:
    with pytest.raises(ImageFault, match="too many pixels"):
        decode(encoded(20_000, 6_000, mode="1"), 32)
