"""Decoding: img2dataset's bytes for plain images, right pixels for odd ones, a stated reason for bad ones."""

import io
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network

from img2dataset.resizer import Resizer

from pipeline.download.decode.image import Decoder, DecodeSettings, is_whole
from pipeline.download.outcome import Encoded, Failure
from schemas.rejection import REASONS
from tests.support.download import bomb, picture


def decoder(**changes: object) -> Decoder:
    values: dict[str, object] = {
        "image_size": 32, "resize_mode": "keep_ratio", "resize_only_if_bigger": False, "encode_format": "jpg",
        "encode_quality": 95, "skip_reencode": False, "max_pixels": 89_478_485,
    }  # fmt: skip
    return Decoder(DecodeSettings(**(values | changes)))  # type: ignore[arg-type]


def pixels(result: Encoded | Failure) -> Image.Image:
    assert isinstance(result, Encoded), result
    return Image.open(io.BytesIO(result.data)).convert("RGB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"])
def test_plain_images_come_out_as_img2dataset_makes_them(kind: str, mode: str) -> None:
    data = picture(kind)
    expected = Resizer(32, mode, False)(io.BytesIO(data))
    found = decoder(resize_mode=mode)(data)
    assert isinstance(found, Encoded)
    assert (found.data, found.width, found.height, found.original_width, found.original_height) == expected[:5]


@pytest.mark.parametrize("encode_format", ["webp", "png"])
def test_other_encodings_are_img2datasets_too(encode_format: str) -> None:
    data = picture()
    expected = Resizer(32, "keep_ratio", False, encode_quality=9, encode_format=encode_format)(io.BytesIO(data))
    found = decoder(encode_format=encode_format, encode_quality=9)(data)
    assert isinstance(found, Encoded)
    assert found.data == expected[0]


def test_skip_reencode_keeps_the_bytes() -> None:
    data = picture(size=(20, 16))
    found = decoder(skip_reencode=True, resize_only_if_bigger=True)(data)
    assert isinstance(found, Encoded)
    assert found.data == data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = Image.new("RGB", (64, 32), "white")
    upright.paste((255, 0, 0), (0, 0, 16, 16))  # red in the top left corner
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions, the inverse of what is applied
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "JPEG", exif=exif, quality=95)
    found = pixels(decoder(image_size=32)(buffer.getvalue()))
    assert found.size == (64, 32)
    red, green, blue = found.getpixel((5, 5))  # type: ignore[misc]
    assert red > 200
    assert green < 60
    assert blue < 60
    assert min(found.getpixel((58, 27))) > 230  # type: ignore[arg-type, type-var]


def test_transparency_becomes_white() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    for kind in ("PNG", "WEBP", "GIF", "TIFF"):
        buffer = io.BytesIO()
        image.save(buffer, kind)
        assert min(pixels(decoder()(buffer.getvalue())).getpixel((20, 20))) > 250, kind  # type: ignore[arg-type, type-var]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_modes_keep_their_brightness(mode: str) -> None:
    if mode == "I;16":
        image = Image.new("I;16", (40, 40), 128 * 257)
    elif mode == "1":
        image = Image.new("1", (40, 40), 1)
    elif mode == "P":
        image = Image.new("RGB", (40, 40), (128, 128, 128)).quantize(8)
    else:
        image = Image.new("RGB", (40, 40), (128, 128, 128)).convert("L" if mode == "F" else mode).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode in ("F", "CMYK") else "PNG")
    expected = 255 if mode == "1" else 128
    assert abs(pixels(decoder()(buffer.getvalue())).getpixel((20, 20))[0] - expected) <= 3  # type: ignore[index]


def test_sixteen_bit_colour_is_scaled_not_clipped() -> None:
    import cv2
    import numpy as np

    data = cv2.imencode(".png", np.full((40, 40, 3), 128 * 257, np.uint16))[1].tobytes()
    assert abs(pixels(decoder()(data)).getpixel((20, 20))[0] - 128) <= 2  # type: ignore[index]


def test_animations_give_their_first_frame() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("blue", "red")]
    for kind in ("GIF", "WEBP", "PNG"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], duration=100)
        red, _, blue = pixels(decoder()(buffer.getvalue())).getpixel((20, 20))  # type: ignore[misc]
        assert (blue > 200, red < 60) == (True, True), kind


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not_an_image", id="empty"),
        pytest.param(b"<!doctype html><html></html>", "not_an_image", id="html"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "not_an_image", id="svg"),
        pytest.param(b"qoif" + bytes(20), "format_not_allowed", id="qoi"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), "decode_failed", id="png of zeros"),
        pytest.param(bomb(), "too_many_pixels", id="bomb"),
    ],
)
def test_reasons(data: bytes, reason: str) -> None:
    assert decoder()(data) == Failure(reason)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_images_cut_short_are_rejected(kind: str) -> None:
    data = picture(kind, (200, 150))
    for share in (0.3, 0.6, 0.9):
        found = decoder()(data[: int(len(data) * share)])
        assert isinstance(found, Failure), (kind, share)
        assert found.reason in ("image_truncated", "decode_failed"), (kind, share)


def test_a_cut_jpeg_with_a_whole_thumbnail_is_cut() -> None:
    thumbnail = picture(size=(16, 16))
    data = picture(size=(200, 150))
    segment = b"\xff\xe5" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert is_whole("JPEG", whole)
    assert not is_whole("JPEG", whole[:-200])
    assert decoder()(whole[:-200]) == Failure("image_truncated")


def test_a_long_thin_image_may_not_grow_without_bound() -> None:
    data = picture("PNG", (20_000, 1))
    assert decoder(image_size=256)(data) == Failure("too_many_pixels")
    assert isinstance(decoder(image_size=256, resize_mode="keep_ratio_largest")(data), (Encoded, Failure))


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]), st.data())
def test_damaged_bytes_give_an_image_or_a_reason(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(picture(kind, (24, 18)))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = decoder(max_pixels=1_000_000)(bytes(damaged))
    assert isinstance(found, Encoded) or found.reason in REASONS["download"]
