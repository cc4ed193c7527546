"""What a JPEG's markers say, from bytes of any kind."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from schemas.plain_image import exif_orientation
from trainer.data.decode.jpeg_header import JpegHeader, read_jpeg_header


def header(data: bytes) -> JpegHeader:
    return JpegHeader(*read_jpeg_header(np.frombuffer(data, dtype=np.uint8)))


def jpeg(mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    sink = io.BytesIO()
    Image.new(mode, size).save(sink, "JPEG", **options)
    return sink.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + segment(marker, body) + data[2:]


def exif(order: str, *entries: tuple[int, int, int, int], at: int = 8) -> bytes:
    """Return an EXIF block with entries (tag, type, count, value of two bytes)."""
    packed = b"".join(struct.pack(order + "HHIHxx", *entry) for entry in entries)
    mark = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + mark + struct.pack(order + "HIH", 42, at, len(entries)) + packed + bytes(4)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"comment": b"a"}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_writers_write_is_plain(mode: str, options: dict[str, object]) -> None:
    found = header(jpeg(mode, **options))
    assert found[:5] == (True, True, 40, 30, 1)
    assert found.num_scans > 1 if "progressive" in options else found.num_scans == 1


def sampled(luma: int) -> bytes:
    return jpeg().replace(b"\x01\x22\x00\x02\x11\x01", bytes([1, luma, 0, 2, 0x11, 1]))


ADOBE = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 1)


@pytest.mark.parametrize(
    ("data", "is_for_devices"),
    [
        *((sampled(luma), luma in (0x11, 0x21, 0x22, 0x12)) for luma in (0x11, 0x21, 0x22, 0x12, 0x41, 0x44, 0x00)),
        (jpeg("L"), True),
        (jpeg(progressive=True), True),
        (jpeg("CMYK"), False),
        (jpeg(keep_rgb=True), False),
        (jpeg()[:-1], False),
        (jpeg() + b"\0", False),
        (jpeg().replace(b"\xff\xc0", b"\xff\xc1"), False),
        (jpeg().replace(b"\x03\x11\x01", b"\x04\x11\x01"), False),
        (with_segment(jpeg(), 0xEE, ADOBE), True),
        (with_segment(jpeg(), 0xEE, ADOBE[:-1] + b"\0"), False),
        (with_segment(jpeg(), 0xEE, ADOBE[:-1]), False),
        (with_segment(jpeg(), 0xE1, exif("<", (0x0112, 3, 1, 1))), True),
        (with_segment(jpeg(), 0xE1, exif("<", (0x0112, 3, 1, 6))), False),
    ],
    ids=["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "2:2:0", "no sampling", "grey", "progressive", "CMYK", "RGB",
         "cut", "more behind", "extended", "other numbers", "Adobe's YCbCr", "Adobe's RGB", "Adobe cut",
         "upright", "turned"],
)  # fmt: skip
def test_what_a_device_decodes_to_the_same_colours(data: bytes, is_for_devices: bool) -> None:
    assert header(data).is_for_devices == is_for_devices


@pytest.mark.parametrize(
    "data",
    [jpeg("CMYK"), jpeg()[:100], jpeg()[2:], b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xda", b"\x89PNG\r\n\x1a\n",
     jpeg().replace(b"\xff\xc0", b"\xff\xc9"), jpeg().replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),
     with_segment(with_segment(jpeg(), 0xE1, exif("<")), 0xE1, exif("<")), b"\xff\xd8" + 9 * b"\xff"],
    ids=["CMYK", "cut", "without start", "empty", "a byte", "start", "scan", "PNG", "arithmetic", "12 bits",
         "EXIF twice", "fill"],
)  # fmt: skip
def test_all_else_is_not(data: bytes) -> None:
    assert not header(data).is_plain


def test_what_is_made_of_blocks_can_be_decoded_smaller() -> None:
    assert header(jpeg("CMYK")).can_shrink
    assert header(with_segment(jpeg(), 0xE1, exif("<", (0x0112, 4, 1, 6)))).can_shrink
    for marker in (0xC3, 0xC7, 0xC9, 0xCB):
        assert not header(jpeg().replace(b"\xff\xc0", bytes([0xFF, marker]))).can_shrink
    frame = jpeg().index(b"\xff\xc0")
    assert not header(jpeg()[:frame] + jpeg()[frame : frame + 19] + jpeg()[frame:]).can_shrink


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(10))
def test_orientation_is_what_pillow_reads(order: str, value: int) -> None:
    data = with_segment(jpeg(), 0xE1, exif(order, (0x0110, 3, 1, 5), (0x0112, 3, 1, value)))
    with Image.open(io.BytesIO(data)) as image:
        assert header(data).orientation == exif_orientation(image)
    assert header(data).is_plain


@pytest.mark.parametrize(
    "block",
    [exif("<", (0x0112, 4, 1, 6)), exif("<", (0x0112, 3, 2, 6)), exif("<", (0x0112, 3, 1, 6))[:-5],
     exif("<", at=9_999), exif("<").replace(b"\x2a", b"\x2b"), b"Exif\0\0", b"Exif\0\0IM" + bytes(20)],
    ids=["long", "two values", "cut", "elsewhere", "other magic", "empty", "two orders"],
)  # fmt: skip
def test_odd_exif_is_left_to_pillow(block: bytes) -> None:
    assert not header(with_segment(jpeg(), 0xE1, block)).is_plain


def test_other_blocks_are_passed_over() -> None:
    body = exif("<", (0x0112, 3, 1, 6))
    data = with_segment(with_segment(with_segment(jpeg(), 0xE1, b"http://ns.adobe.com/xap/"), 0xE2, b"ICC"), 0xE1, body)
    assert header(data)[:5] == (True, True, 40, 30, 6)


@given(st.binary(max_size=60), st.integers(0, 700), st.booleans())
def test_any_bytes_are_looked_at(noise: bytes, at: int, in_place: bool) -> None:
    whole = with_segment(jpeg(), 0xE1, exif(">", (0x0112, 3, 1, 6)))
    data = whole[:at] + noise + whole[at + len(noise) * in_place :]
    found = header(data)
    if found.is_plain:
        assert min(found.width, found.height) > 0
        assert 1 <= found.orientation <= 8
    assert found.num_scans == data.count(b"\xff\xda")
