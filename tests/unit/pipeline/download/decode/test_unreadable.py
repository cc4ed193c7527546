"""Why there is no image: cut, of a format that is not read, no image, or broken otherwise."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.decode.unreadable import why_unreadable
from pipeline.download.outcome import Failure
from schemas.rejection import REASONS
from tests.unit.pipeline.download.decode.test_image import decoder
from tests.unit.pipeline.download.decode.test_truncation import IMAGES, whole


@given(st.sampled_from(sorted(IMAGES)), st.floats(0, 1, exclude_max=True))
def test_no_cut_image_is_called_none(name: str, share: float) -> None:
    data = IMAGES[name]
    cut = data[: int(len(data) * share)]
    kind = name.split()[0]
    if len(cut) >= (24 if kind == "AVIF" else 12):
        assert why_unreadable(cut) in ("image_truncated", "decode_failed")


@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_any_damage_has_a_reason(name: str, data: st.DataObject) -> None:
    damaged = bytearray(IMAGES[name][:2000])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert why_unreadable(bytes(damaged)) in REASONS["download"]


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


NOT_READ = {
    "HEIC": box(b"ftyp", b"heic\0\0\0\0mif1heic") + bytes(1000),
    "HEIF of another coding": box(b"ftyp", b"mif1\0\0\0\0mif1miafhevc") + bytes(1000),
    "JPEG XL": b"\xff\x0a" + bytes(1000),
    "JPEG XL in a container": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(1000),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(1000),
    "JPEG 2000 code stream": b"\xff\x4f\xff\x51" + bytes(1000),
    "JPEG XR": b"II\xbc\x01" + bytes(1000),
    "Photoshop": b"8BPS\0\1" + bytes(1000),
    "QOI": b"qoif" + bytes(1000),
    "ICO": b"",
}


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("name", NOT_READ)
def test_formats_that_are_not_read_are_told_also_when_cut(name: str, share: float) -> None:
    data = NOT_READ[name] or whole("ICO")
    assert decoder()(data[: int(len(data) * share)]) == Failure("format_not_allowed")


def test_a_real_heic_is_told_also_when_cut(shared_data: Path) -> None:
    data = (shared_data / "hostile_images" / "pillow" / "avif" / "hopper.heif").read_bytes()
    for size in (64, len(data) // 2, len(data)):
        assert decoder()(data[:size]) == Failure("format_not_allowed")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BM",
        b"GIF",
        b"\x89PNG",
        b"<!doctype html>",
        b"%PDF-1.7\n",
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
        b"P6 is text",
    ],
    ids=["nothing", "BM", "GIF", "PNG", "HTML", "PDF", "MP4", "text"],
)
def test_what_is_no_image_is_told(data: bytes) -> None:
    assert decoder()(data) == Failure("not_an_image")


def test_images_that_are_whole_but_broken_are_told(shared_data: Path) -> None:
    folder = shared_data / "hostile_images"
    for name in (
        "libavif/sofa_grid1x5_420_dimg_repeat.avif",
        "image-png/pngsuite/xc9n2c08.png",
        "pillow/bmp/q/pal2.bmp",
    ):
        assert decoder()((folder / name).read_bytes()) == Failure("decode_failed"), name
