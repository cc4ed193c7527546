"""HTML entities: the same text as Python's `html.unescape` for any input."""

import html
import itertools
from html.entities import html5

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kernels.html_entities import plain_size, write_html


def unescape(text: str) -> str:
    source = np.frombuffer(text.encode(), dtype=np.uint8)
    out = np.zeros(plain_size(len(source)), dtype=np.uint8)
    return out[: write_html(source, 0, len(source), out, 0, False)].tobytes().decode()


def test_every_number() -> None:
    for form in ("&#{};", "&#x{:x};", "&#X{:X} "):
        text = "".join(form.format(number) for number in itertools.chain(range(0x3100), range(0xD700, 0x10100, 7)))
        assert unescape(text) == html.unescape(text)
    text = "".join(f"&#{number};" for number in (*range(0xD7F0, 0xE010), *range(0xFDC0, 0xFE00), 2**31, 2**64, 10**40))
    assert unescape(text) == html.unescape(text)
    planes = (plane * 0x10000 + low for plane in range(18) for low in (0, 1, 0xFFFD, 0xFFFE, 0xFFFF))
    text = "".join(f"&#{number};" for number in planes)
    assert unescape(text) == html.unescape(text)


@pytest.mark.parametrize("after", ["", ";", "x", pytest.param("é", id="e acute"), " ", "&", ";;", "1"])
def test_every_name(after: str) -> None:
    text = " ".join(f"&{name}{after} &{name[:-1]}{after} &{name[:-2]}{after} &{name}" for name in html5)
    assert unescape(text) == html.unescape(text)


def test_more_digits_than_python_reads() -> None:
    assert unescape("a&#" + "9" * 5000 + ";b") == "a\ufffdb"


@pytest.mark.parametrize("unit", sorted({f"&{name}" for name in html5 if len(name) <= 4} | {"&", "&#1", "&#0", "&#x0"}))
def test_the_result_is_never_larger_than_said(unit: str) -> None:
    text = unit * 50
    assert len(html.unescape(text).encode()) <= plain_size(len(text)) - 16


PARTS = st.sampled_from(
    ["&", "#", "x", "X", ";", "amp", "notin", "not", "nGt", "CounterClockwiseContourIntegral", "1", "38", "D800", "é",
     "犬", " ", "\n", "\0", "<", "g", "lt", "AMP", "nbsp", "\x7f"]
)  # fmt: skip


@settings(max_examples=500)
@given(
    st.one_of(st.text(alphabet="&#xX;0189afglmnopqtuz é\n<", max_size=60), st.lists(PARTS, max_size=30).map("".join))
)
def test_same_as_python(text: str) -> None:
    assert unescape(text) == html.unescape(text)
