"""How an image is turned: once, by EXIF or by what AVIF says itself, whoever turns it; and not by XMP alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.download.outcome import Encoded
from tests.support.png import chunk, with_chunk
from tests.unit.pipeline.download.decode.test_image import decoder, pixels

UNDO = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""Pillow's transpositions: the inverse of what each orientation asks for."""

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def upright(mode: str = "RGB") -> Image.Image:
    """Return a wide picture, black but for its top left quarter, which is white."""
    image = Image.new("L", (64, 32), 0)
    image.paste(255, (0, 0, 32, 16))
    return image.convert(mode)


def turned(orientation: int, mode: str = "RGB") -> Image.Image:
    undo = UNDO[orientation]
    return upright(mode) if undo is None else upright(mode).transpose(Image.Transpose(undo))


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def corners(data: bytes) -> tuple[tuple[int, int], list[bool]]:
    """Return the size that comes out, and which of the four corners is white."""
    found = pixels(decoder(encode_format="png", encode_quality=9)(data)).convert("L")
    grey = np.asarray(found)
    return found.size, [bool(grey[row, column] > 128) for row in (4, -5) for column in (4, -5)]


UPRIGHT = ((64, 32), [True, False, False, False])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_exif_turns_it(kind: str, orientation: int) -> None:
    sink = io.BytesIO()
    turned(orientation).save(sink, kind, exif=exif(orientation), quality=95)
    assert corners(sink.getvalue()) == UPRIGHT


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("mode", "compression"),
    [("RGB", None), ("RGB", "tiff_lzw"), ("RGB", "jpeg"), ("RGB", "tiff_adobe_deflate"), ("1", "group4"),
     ("L", "packbits"), ("LA", None), ("RGBA", "tiff_lzw"), ("CMYK", None), ("I;16", None), ("P", "tiff_lzw"),
     ("F", None)],
)  # fmt: skip
def test_a_tiff_is_turned_once(mode: str, compression: str | None, orientation: int) -> None:
    image = turned(orientation, "L" if mode in ("I;16", "P") else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    elif mode == "P":
        image = image.convert("P")
    sink = io.BytesIO()
    image.save(sink, "TIFF", compression=compression, tiffinfo={274: orientation})
    assert corners(sink.getvalue()) == UPRIGHT


@pytest.mark.parametrize("behind", ["IHDR", "IDAT"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "LA", "P"])
def test_the_exif_of_a_png_counts_wherever_it_stands(mode: str, orientation: int, behind: str) -> None:
    sink = io.BytesIO()
    turned(orientation, mode).save(sink, "PNG")
    body = exif(orientation).tobytes().removeprefix(b"Exif\0\0")
    assert corners(with_chunk(sink.getvalue(), chunk(b"eXIf", body), behind.encode())) == UPRIGHT


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("with_exif", [False, True], ids=["alone", "beside an EXIF without orientation"])
def test_an_orientation_in_xmp_alone_turns_nothing(kind: str, with_exif: bool) -> None:
    """As browsers have it."""
    other = Image.Exif()
    other[0x010F] = "a camera"
    sink = io.BytesIO()
    options = {"exif": other} if with_exif else {}
    if kind == "PNG":
        upright().save(sink, kind, **options)
        data = with_chunk(sink.getvalue(), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))
    else:
        upright().save(sink, kind, **options, **({"tiffinfo": {700: XMP}} if kind == "TIFF" else {"xmp": XMP}))
        data = sink.getvalue()
    assert corners(data) == UPRIGHT


def test_real_tiffs_of_all_orientations_are_upright(shared_data: Path) -> None:
    folder = shared_data / "hostile_images" / "pillow"
    expected = decoder()((folder / "g4_orientation_3.tif").read_bytes())
    assert isinstance(expected, Encoded)
    assert (expected.original_width, expected.original_height) == (590, 88)
    for orientation in range(5, 9):
        found = decoder()((folder / f"g4_orientation_{orientation}.tif").read_bytes())
        assert isinstance(found, Encoded)
        assert (found.original_width, found.original_height) == (expected.original_width, expected.original_height)
        difference = np.asarray(pixels(found)).astype(int) - np.asarray(pixels(expected))
        assert np.abs(difference).mean() < 1, orientation


@pytest.mark.parametrize(
    ("white", "value", "expected"),
    [(1.0, 0.5, 128), (1.0, 0.0, 0), (0.5, 0.25, 64), (255.0, 128.0, 128), (300.0, 255.0, 255), (1.0, -3.0, 0)],
)
def test_floats_keep_their_brightness(white: float, value: float, expected: int) -> None:
    samples = np.full((40, 40), value, np.float32)
    samples[:8] = white
    samples[39, 39] = np.nan
    sink = io.BytesIO()
    Image.fromarray(samples).save(sink, "TIFF")
    assert abs(pixels(decoder()(sink.getvalue())).getpixel((16, 20))[0] - expected) <= 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("white", "value", "expected"),
    [(255, 128, 128), (200, 0, 0), (65_535, 32_768, 128), (300, 257, 1), (2**31 - 1, 2**30, 128), (255, -9, 0)],
)
def test_whole_numbers_of_32_bits_keep_their_brightness(white: int, value: int, expected: int) -> None:
    samples = np.full((40, 40), value, np.int32)
    samples[:8] = white
    sink = io.BytesIO()
    Image.fromarray(samples).save(sink, "TIFF")
    assert abs(pixels(decoder()(sink.getvalue())).getpixel((16, 20))[0] - expected) <= 2  # type: ignore[index]
