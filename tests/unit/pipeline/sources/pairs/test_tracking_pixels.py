"""Tracking pixels and spacers by their addresses, and pictures that only look like them."""

import pyarrow as pa
import pytest

from pipeline.sources.pairs.tracking_pixels import is_tracking_pixel

PIXELS = ["https://www.facebook.com/tr?id=1", "http://FACEBOOK.com/tr/x", "http://a.example/x/1x1.gif",
          "http://a.example/Spacer.GIF?v=2", "https://stats.g.doubleclick.net/dc.gif",
          "http://t.co/i/adsct?x"]  # fmt: skip
PICTURES = ["https://www.facebook.com/trees.jpg", "http://a.example/pixel.jpg", "http://a.example/my-1x1.gif",
            "http://a.example/1x1.gift", "http://notfacebook.com.example/tr?x", "http://a.example/a?u=/1x1.gif",
            "http://a.example/facebook.com/tr/a.jpg", "ftp://a.example/1x1.gif", ""]  # fmt: skip


@pytest.mark.parametrize("url", PIXELS)
def test_pixels(url: str) -> None:
    assert is_tracking_pixel(pa.array([url])).to_pylist() == [True]


@pytest.mark.parametrize("url", PICTURES)
def test_pictures(url: str) -> None:
    assert is_tracking_pixel(pa.array([url])).to_pylist() == [False]


def test_a_row_without_an_address_is_neither() -> None:
    assert is_tracking_pixel(pa.array([None], pa.string())).to_pylist() == [None]
