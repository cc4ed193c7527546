"""A cut image is told from a whole one by its container alone."""

import io

import pytest
from PIL import Image

from pipeline.download.decode.truncation import is_whole
from pipeline.download.outcome import Encoded, Failure
from schemas.image_files import IMAGE_FORMATS
from tests.support.download import picture
from tests.unit.pipeline.download.decode.test_image import decoder

TIFF_KINDS = [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]


def whole(kind: str, **options: object) -> bytes:
    sink = io.BytesIO()
    Image.open(io.BytesIO(picture(size=(200, 150)))).save(sink, kind, **options)
    return sink.getvalue()


IMAGES = {
    **{kind: whole(kind) for kind in IMAGE_FORMATS},
    **{f"TIFF {packed}": whole("TIFF", compression=packed) for packed in TIFF_KINDS},
    "TIFF large": whole("TIFF", big_tiff=True),
    "WEBP lossless": whole("WEBP", lossless=True),
    "WEBP animated": whole("WEBP", save_all=True, append_images=[Image.new("RGB", (200, 150))]),
    "PNG animated": whole("PNG", save_all=True, append_images=[Image.new("RGB", (200, 150))]),
    "GIF animated": whole("GIF", save_all=True, append_images=[Image.new("RGB", (200, 150))]),
    "AVIF animated": whole("AVIF", save_all=True, append_images=[Image.new("RGB", (200, 150))]),
    "JPEG progressive": whole("JPEG", progressive=True),
    "BMP grey": whole("BMP") and picture("BMP", (200, 150), "L"),
    "PPM grey": picture("PPM", (200, 150), "L"),
    "PPM 1 bit": picture("PPM", (200, 150), "1"),
    "PPM 16 bits": b"P5\n# of a camera\n200 150 65535\n" + bytes(60_000),
    "PPM text": b"P3 40 30 9 " + b"1 2 9\n" * 1_200,
    "PPM 1 bit as text": b"P1 40 30 " + b"01" * 600,
    "BMP 1 bit": picture("BMP", (200, 150), "1"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_whole_images_are_whole(name: str) -> None:
    assert is_whole(name.split()[0], IMAGES[name])
    assert isinstance(decoder()(IMAGES[name]), Encoded)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", IMAGES)
def test_a_cut_image_is_told_as_cut(name: str, share: float) -> None:
    data = IMAGES[name]
    found = decoder()(data[: int(len(data) * share)])
    if name in ("PNG animated", "GIF animated") and isinstance(found, Encoded):
        return  # its first picture is all there
    assert found == Failure("image_truncated")


@pytest.mark.parametrize("num_bytes", [1, 8, 20, 150])
@pytest.mark.parametrize("name", [name for name in IMAGES if name.startswith("TIFF")])
def test_a_tiff_whose_directory_or_tags_are_cut_is_told_as_cut(name: str, num_bytes: int) -> None:
    found = decoder()(IMAGES[name][:-num_bytes])
    assert isinstance(found, Encoded) or found == Failure("image_truncated")
