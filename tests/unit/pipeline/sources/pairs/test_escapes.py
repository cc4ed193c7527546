"""Escapes against the standard library: JSON strings, and HTML character references in text and attributes."""

import html
import json
from html.entities import html5

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.pairs.escapes import plain_size, write_html, write_json


def plain_html(text: str, in_attribute: bool = False) -> str:
    raw = np.frombuffer(text.encode() + b"\0", dtype=np.uint8)
    out = np.zeros(plain_size(len(raw)), dtype=np.uint8)
    return out[: write_html(raw, 0, len(raw) - 1, out, 0, in_attribute)].tobytes().decode()


NAMES = sorted(html5)
PIECE = st.one_of(
    st.sampled_from(NAMES).map("&{}".format),
    st.integers(0, 0x110010).map("&#{};".format),
    st.integers(0, 0x110010).map("&#x{:X}".format),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=4),
    st.sampled_from(["&", "&;", "&#", "&#x", "&#x;", "&amp", "&no", "é", "&#99999999999999999999;", "=", "t"]),
)


@settings(max_examples=400)
@given(st.lists(PIECE, max_size=8).map("".join))
def test_html_text_is_unescaped_as_python_does(text: str) -> None:
    assert plain_html(text) == html.unescape(text)


def test_every_name() -> None:
    for name in NAMES:
        assert plain_html(f"x&{name}y") == html.unescape(f"x&{name}y")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("?a=1&copy=2", "?a=1&copy=2"),
        pytest.param("?a=1&copy;=2", "?a=1©=2", id="copy with semicolon"),
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&amp=2", "?a=1&amp=2"),
        pytest.param("caf&eacute", "café", id="eacute at the end"),
        ("&eacutes", "&eacutes"),
        ("&quot;a&quot;", '"a"'),
    ],
)
def test_names_without_semicolon_in_attributes(value: str, expected: str) -> None:
    assert plain_html(value, in_attribute=True) == expected


@settings(max_examples=300)
@given(st.text(st.characters(blacklist_categories=["Cs"])), st.booleans())
def test_json_strings_are_unescaped_as_python_does(text: str, ascii_only: bool) -> None:
    raw = np.frombuffer(json.dumps(text, ensure_ascii=ascii_only).encode(), dtype=np.uint8)
    out = np.zeros(plain_size(len(raw)), dtype=np.uint8)
    assert out[: write_json(raw, 1, len(raw) - 1, out, 0)].tobytes().decode() == text


@pytest.mark.parametrize("text", ["\\u12", "\\", "\\ud800", "\\ud800\\u0041", "\\q", "\\/"])
def test_odd_json_escapes_are_taken(text: str) -> None:
    raw = np.frombuffer(text.encode(), dtype=np.uint8)
    out = np.zeros(plain_size(len(raw)), dtype=np.uint8)
    found = out[: write_json(raw, 0, len(raw), out, 0)].tobytes()
    assert found == {
        "\\u12": b"u12", "\\": b"\\", "\\ud800": b"\xed\xa0\x80", "\\ud800\\u0041": b"\xed\xa0\x80A",
        "\\q": b"q", "\\/": b"/",
    }[text]  # fmt: skip
