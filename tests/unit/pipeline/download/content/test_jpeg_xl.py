"""JPEG XL: read where it is asked for, told apart where not, by the plugin's own pictures."""

import importlib.util
import io

import pytest
from PIL import Image

from pipeline.download.content.jpeg_xl import check_jpeg_xl, is_jpeg_xl, read_jpeg_xl
from pipeline.download.content.settings import ContentSettings
from pipeline.download.outcome import Encoded, Failure
from tests.support.decoders import decoder

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pillow_jxl") is None, reason="the extra jxl is not installed")


def jpeg_xl() -> bytes:
    read_jpeg_xl()
    sink = io.BytesIO()
    Image.new("RGB", (80, 40), (200, 30, 30)).save(sink, "JXL", quality=95)
    return sink.getvalue()


def test_it_is_read_where_it_is_asked_for() -> None:
    data = jpeg_xl()
    assert is_jpeg_xl(data)
    check_jpeg_xl()
    assert decoder()(data) == Failure("format_not_allowed")
    found = decoder(ContentSettings(jpeg_xl=True))(data)
    assert isinstance(found, Encoded)
    assert (found.original_width, found.original_height) == (80, 40)
    assert Image.open(io.BytesIO(found.data)).convert("RGB").getpixel((20, 10))[0] > 180  # type: ignore[index]


def test_broken_ones_have_a_reason() -> None:
    data = jpeg_xl()
    read = decoder(ContentSettings(jpeg_xl=True))
    for cut in (2, 20, len(data) // 2):
        assert isinstance(found := read(data[:cut]), Failure)
        assert found.reason in ("decode_failed", "image_truncated")
