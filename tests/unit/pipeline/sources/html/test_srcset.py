"""The largest image of a srcset, as the HTML standard parses it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.html.srcset import largest
from schemas.kernels.byte_scan import PADDING


def found(text: str) -> str | None:
    raw = text.encode()
    data = np.frombuffer(raw + bytes(PADDING), dtype=np.uint8)
    begin, end, _ = largest(data, len(raw))
    return raw[begin:end].decode() if begin >= 0 else None


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.jpg 480w, b.jpg 1024w, c.jpg 800w", "b.jpg"),
        ("a.jpg, b.jpg 2x", "b.jpg"),
        ("a.jpg 1.5x, b.jpg 1.25x", "a.jpg"),
        ("a,b.jpg 1x", "a,b.jpg"),
        ("a.jpg,  b.jpg 3x ,", "b.jpg"),
        ("a.jpg", "a.jpg"),
        ("a.jpg,", "a.jpg"),
        ("a.jpg 100w 50h, b.jpg 99w", "a.jpg"),
        ("a.jpg (x, y) 9w, b.jpg 2w", "b.jpg"),
        ("data:image/gif;base64,R0lGOD 9000w, b.jpg 10w", "b.jpg"),
        ("", None),
        (" , ,", None),
    ],
)
def test_largest(srcset: str, expected: str | None) -> None:
    assert found(srcset) == expected


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20, unique=True))
def test_the_widest_wins(widths: list[int]) -> None:
    assert found(", ".join(f"{width}.jpg {width}w" for width in widths)) == f"{max(widths)}.jpg"
