"""Image bytes to squares: sizes, crops, what does not decode; the same as Pillow alone makes and download sees."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.pillow_crop import opened, pillow_crop
from tests.unit.pipeline.download.decode.test_image import decoder, pixels
from trainer.data.decode.image import decode_rgb
from trainer.data.transforms import ImageFault, crop, decode, decode_centre, decode_crop

DRAWS = st.integers(0, 2**64 - 1)


def encoded(width: int, height: int, image_format: str = "PNG", mode: str = "RGB") -> bytes:
    sink = io.BytesIO()
    Image.new(mode, (width, height), None).save(sink, image_format)
    return sink.getvalue()


def saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, image_format, **options)
    return sink.getvalue()


def scene(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
    """Return a picture of soft colours whose quarters differ."""
    draw = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(draw).resize((width, height), Image.Resampling.BICUBIC)


def cropped(data: bytes, image_px: int, draw: int, is_stored: bool = False) -> np.ndarray:
    out = np.zeros((3, image_px, image_px), dtype=np.uint8)
    decode_crop(data, image_px, draw, out, is_stored=is_stored)
    return out


@pytest.mark.parametrize(
    ("size", "shape"), [((64, 64), (32, 32)), ((100, 50), (32, 64)), ((5, 20), (128, 32)), ((1000, 10), (32, 256))]
)
def test_the_short_side_is_resized(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert decode(encoded(*size), 32).shape == (3, *shape)
    assert decode_centre(encoded(*size), 32).shape == (3, 32, 32)


@pytest.mark.parametrize("draw", [0, 2**64 - 1, 2**32 - 1, 12345678901234567])
def test_any_draw_cuts_a_square_inside(draw: int) -> None:
    assert crop(np.zeros((3, 32, 50), dtype=np.uint8), 32, draw).shape == (3, 32, 32)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 70), DRAWS, st.sampled_from(["JPEG", "PNG"]))
def test_a_crop_is_what_pillow_makes_of_the_whole(
    width: int, height: int, image_px: int, draw: int, image_format: str
) -> None:
    data = saved(scene(width, height, width), image_format)
    found = cropped(data, image_px, draw)
    assert (found == pillow_crop(data, image_px, draw)).all()
    assert (found == crop(decode(data, image_px), image_px, draw)).all()


def test_crops_of_photographs_are_pillows(shared_data: Path) -> None:
    for number, path in enumerate(sorted((shared_data / "photos").glob("*.jpg"))[::40]):
        data, draw = path.read_bytes(), number * 0x9E3779B97F4A7C15 % 2**64
        assert (cropped(data, 224, draw) == pillow_crop(data, 224, draw)).all(), path


def test_the_centre_is_cut_of_the_middle() -> None:
    data = saved(scene(), "PNG")
    assert (decode_centre(data, 32) == decode(data, 32)[:, :, 8:40]).all()


@given(st.integers(32, 90), st.integers(32, 90), DRAWS)
def test_stored_images_are_cropped_as_they_are(width: int, height: int, draw: int) -> None:
    data = saved(scene(width, height), "JPEG")
    whole = np.asarray(opened(data, None)).transpose(2, 0, 1)
    assert (cropped(data, 32, draw, is_stored=True) == crop(whole, 32, draw)).all()
    assert (decode(data, 32, is_stored=True) == whole).all()


@pytest.mark.parametrize("size", [(31, 200), (200, 31)])
def test_too_small_a_stored_image_is_a_fault(size: tuple[int, int]) -> None:
    with pytest.raises(ImageFault, match="is smaller than the model's 32 pixels"):
        cropped(encoded(*size), 32, 0, is_stored=True)
    cropped(encoded(*size), 32, 0)


def on_transparency(image: Image.Image) -> Image.Image:
    """Return `image` with its lower half transparent, and black below."""
    black = np.asarray(image.convert("RGBA")).copy()
    black[image.height // 2 :] = 0
    return Image.fromarray(black)


def palette_on_transparency() -> bytes:
    image = on_transparency(scene()).convert("RGB").quantize(64)
    return saved(image, "PNG", transparency=image.getpixel((0, 63)))


def turned() -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif}


def grey_16() -> Image.Image:
    return Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)


ONE_TREATMENT = {
    "RGB": saved(scene(), "PNG"),
    "alpha": saved(on_transparency(scene()), "PNG"),
    "alpha of WebP": saved(on_transparency(scene()), "WEBP", lossless=True),
    "palette on transparency": palette_on_transparency(),
    "16 bits": saved(grey_16(), "PNG"),
    "16 bits of TIFF": saved(grey_16(), "TIFF"),
    "turned JPEG": saved(scene(), "JPEG", quality=95, **turned()),
    "turned PNG": saved(scene(), "PNG", **turned()),
    "CMYK": saved(scene().convert("CMYK"), "JPEG", quality=95),
    "GIF of two frames": saved(scene(), "GIF", save_all=True, append_images=[scene(seed=1)]),
    "APNG": saved(scene(), "PNG", save_all=True, append_images=[scene(seed=1)]),
    "AVIF": saved(scene(), "AVIF"),
    "bits": saved(scene().convert("1"), "PNG"),
}


@pytest.mark.parametrize("kind", ONE_TREATMENT)
def test_it_is_looked_at_as_download_does(kind: str) -> None:
    data = ONE_TREATMENT[kind]
    stored = pixels(decoder(resize_mode="no", encode_format="png", encode_quality=1)(data))
    expected = np.asarray(stored).transpose(2, 0, 1).astype(int)
    found = decode(data, 32, is_stored=True)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2
    if "transparency" in kind or "alpha" in kind:
        assert (found[:, -8:] == 255).all()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a", id="start of a GIF"),
        pytest.param(b"\xff\xd8\xff", id="start of a JPEG"),
        pytest.param(encoded(8, 8, "ICO", "L"), id="ICO"),
        pytest.param(encoded(8, 8)[:45], id="cut PNG"),
        pytest.param(encoded(64, 64, "JPEG")[:-40], id="cut JPEG"),
    ],
)
def test_what_does_not_decode_is_a_fault(data: bytes) -> None:
    for way in (lambda: decode(data, 32), lambda: decode_centre(data, 32), lambda: cropped(data, 32, 0)):
        with pytest.raises(ImageFault, match="does not decode"):
            way()


GREYS = ((0, 51), (102, 255))


@pytest.mark.parametrize(
    ("data", "greys"),
    [
        pytest.param(b"P5 2 2 255\n" + bytes([0, 51, 102, 255]), GREYS, id="PGM"),
        pytest.param(b"P5\n# GIMP\n2 2\n65535\n\0\0\x33\x33\x66\x66\xff\xff", GREYS, id="PGM of 16 bits"),
        pytest.param(b"P5 2 2 5\n" + bytes([0, 1, 2, 5]), GREYS, id="PGM of another depth"),
        pytest.param(b"P2 # GIMP\n2 2 5\n0 1\n2 5", GREYS, id="PGM as text"),
        pytest.param(b"P3 2 2 5\n0 0 0 1 1 1 2 2 2 5 5 5", GREYS, id="PPM as text"),
        pytest.param(b"P6 2 2 255\n" + bytes([0, 0, 0, 51, 51, 51, 102, 102, 102, 255, 255, 255]), GREYS, id="PPM"),
        pytest.param(b"P1 2 2\n1 0\n01", ((0, 255), (255, 0)), id="PBM as text"),
        pytest.param(b"P4 2 2\n\x80\x40", ((0, 255), (255, 0)), id="PBM"),
    ],
)
def test_netpbm_files_are_looked_at_as_all_others(data: bytes, greys: tuple[tuple[int, int], ...]) -> None:
    assert decode_rgb(np.frombuffer(data, dtype=np.uint8), None).tolist() == [
        [[grey] * 3 for grey in row] for row in greys
    ]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"P2 4 4 255\n" + b"1#\n" * 16, id="comments among the pixels"),
        pytest.param(b"P3 4000 4000 255\n" + b"1 " * 100, id="large as text"),
        pytest.param(b"P6 4000 4000 31\n", id="large, of another depth"),
        pytest.param(b"P6 4 4 255\n" + bytes(40), id="cut"),
    ],
)
def test_netpbm_files_that_would_keep_a_decoder_busy_or_are_cut_are_faults(data: bytes) -> None:
    with pytest.raises(ImageFault, match="does not decode"):
        decode(data, 32)


def test_a_bomb_is_refused_before_decoding() -> None:
    with pytest.raises(ImageFault, match="too many pixels"):
        decode(encoded(20_000, 6_000, mode="1"), 32)


def test_bytes_that_others_own_are_read_in_place() -> None:
    data = saved(scene(), "JPEG")
    around = np.frombuffer(b"before" + data + b"after", dtype=np.uint8).copy()
    out = np.zeros((3, 32, 32), dtype=np.uint8)
    decode_crop(around[6 : 6 + len(data)], 32, 5, out)
    assert (out == cropped(data, 32, 5)).all()
    assert around.flags.writeable
