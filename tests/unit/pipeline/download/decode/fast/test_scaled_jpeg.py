"""JPEGs reduced while they are decoded: at which scale, and what is refused."""

import io

import pytest
from PIL import Image

from pipeline.download.decode.fast.scaled_jpeg import HEADROOM, reduction_for, scaled_jpeg
from tests.support.download import picture


@pytest.mark.parametrize(
    ("size", "target", "reduction"),
    [
        ((500, 375), (341, 256), 1),
        ((1194, 896), (341, 256), 2),
        ((1192, 894), (341, 256), 1),
        ((1600, 1200), (341, 256), 2),
        ((3200, 2400), (341, 256), 4),
        ((64_000, 48_000), (341, 256), 8),
        ((4_000, 300), (256, 256), 1),
        ((1, 1), (256, 256), 1),
    ],
)
def test_the_reduction_leaves_enough_pixels(size: tuple[int, int], target: tuple[int, int], reduction: int) -> None:
    assert reduction_for(size, target) == reduction
    if reduction > 1:
        assert min(size[0] / reduction / target[0], size[1] / reduction / target[1]) >= HEADROOM


@pytest.mark.parametrize("size", [(201, 163), (203, 165), (255, 240)])
@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_the_pixels_are_those_of_the_reduced_whole(size: tuple[int, int], reduction: int) -> None:
    wanted = tuple(int(side / reduction / HEADROOM) for side in size)
    pixels, width, height = scaled_jpeg(picture(size=size), lambda *_: (wanted[0], wanted[1]), 1 << 20)
    assert (width, height) == size
    assert pixels.shape == (-(-size[1] // reduction), -(-size[0] // reduction), 3)


def test_grey_is_grey_and_the_bound_of_pixels_holds() -> None:
    sink = io.BytesIO()
    Image.new("L", (40, 30), 77).save(sink, "JPEG")
    pixels, _, _ = scaled_jpeg(sink.getvalue(), lambda *_: None, 1_200)
    assert pixels.shape == (30, 40)
    assert set(pixels.ravel()) == {77}
    with pytest.raises(ValueError, match="at most 1199 pixels"):
        scaled_jpeg(sink.getvalue(), lambda *_: None, 1_199)


def test_four_colours_and_damage_are_refused() -> None:
    sink = io.BytesIO()
    Image.new("CMYK", (40, 30)).save(sink, "JPEG")
    whole = picture(size=(200, 150))
    for data in (sink.getvalue(), whole[: len(whole) // 2], b"\xff\xd8\xff", b""):
        with pytest.raises(ValueError, match=r".+"):
            scaled_jpeg(data, lambda *_: None, 1 << 20)


def test_a_subsampling_that_simplejpeg_has_no_name_for_is_refused() -> None:
    data = bytearray(picture(size=(64, 64)))
    frame = data.index(b"\xff\xc0")
    data[frame + 11] = 0x14  # the first colour's factors: 1 x 4, "4:4:1"
    with pytest.raises(ValueError, match="subsampling"):
        scaled_jpeg(bytes(data), lambda *_: None, 1 << 20)
