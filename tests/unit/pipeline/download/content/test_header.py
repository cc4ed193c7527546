"""Sizes from the first bytes: those that Pillow reads of the whole file, or none."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.download.content.header import header_size
from tests.support.download import picture

KINDS = ["JPEG", "PNG", "GIF", "WEBP", "BMP"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (5, 400)])
def test_the_size_is_pillows_and_is_known_before_the_pixels(kind: str, size: tuple[int, int]) -> None:
    data = picture(kind, size)
    assert header_size(data) == size
    known = [cut for cut in range(min(len(data), 800)) if header_size(data[:cut]) is not None]
    assert all(header_size(data[:cut]) == size for cut in known)
    assert known
    assert known[0] <= {"JPEG": 700, "GIF": 800}.get(kind, 32)


def test_metadata_with_a_picture_in_it_is_passed_over() -> None:
    thumbnail = picture(size=(16, 16))
    data = picture(size=(200, 150))
    whole = data[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + data[2:]
    assert header_size(whole) == (200, 150)


def test_a_gif_whose_frame_is_larger_than_its_screen_has_the_frames_size() -> None:
    data = bytearray(picture("GIF", (60, 50)))
    data[6:10] = bytes((10, 0, 10, 0))
    with Image.open(io.BytesIO(data)) as image:
        assert header_size(bytes(data)) == image.size == (60, 50)


def test_webps_without_loss_and_with_transparency_are_read() -> None:
    for mode, lossless in (("RGB", True), ("RGBA", False), ("RGBA", True)):
        sink = io.BytesIO()
        Image.new(mode, (90, 41)).save(sink, "WEBP", lossless=lossless, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
        assert header_size(sink.getvalue()) == (90, 41), (mode, lossless)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(KINDS), st.data())
def test_damaged_headers_give_what_pillow_reads_or_nothing(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(picture(kind, (24, 18)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 200) - 1))] = data.draw(st.integers(0, 255))
    found = header_size(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert found is None or (found[0] > 0 and found[1] > 0)


@given(st.binary(max_size=300))
def test_any_bytes_are_no_error(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFFabcdWEBP", b"BMxxxx\0\0\0\0"):
        header_size(start + data)
