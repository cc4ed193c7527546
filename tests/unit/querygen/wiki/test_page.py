"""Pages of a dump: entities undone once, titles, any header."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki.dump import plain_title, read_site_info, unescape


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        pytest.param(b"&amp;lt;", b"&lt;", id="name of a name"),
        pytest.param(b"&#38;lt;", b"&lt;", id="number of a name"),
        pytest.param(b"&#x41;&#66;", b"AB", id="numbers"),
        pytest.param(b"&#xD800;&#1114112;", b"&#xD800;&#1114112;", id="numbers of no character"),
        pytest.param(b"&quot;&apos;", b"\"'", id="quotes"),
    ],
)
def test_unescape_once(raw: bytes, wanted: bytes) -> None:
    assert unescape(raw) == wanted


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_unescape_undoes_escape(text: str) -> None:
    from xml.sax.saxutils import escape

    encoded = text.encode("utf-8", "replace")
    assert unescape(escape(encoded.decode(), {'"': "&quot;"}).encode()) == encoded


def unescape_by_replacing(raw: bytes) -> bytes:
    def character(match: re.Match[bytes]) -> bytes:
        code = int(match[1]) if match[1] else int(match[2], 16)
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            return match[0]
        return b"&amp;" if code == 38 else chr(code).encode()

    for name, plain in ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'")):
        raw = raw.replace(name, plain)
    return re.sub(rb"&#(?:([0-9]{1,7})|x([0-9a-fA-F]{1,6}));", character, raw).replace(b"&amp;", b"&")


SCRAPS = [
    b"&",
    b"amp;",
    b"&lt;",
    b"gt;",
    b"quot",
    b"&apos;",
    b"#",
    b"x",
    b";",
    b"12",
    b"0",
    b"fF",
    b"D800",
    b"t;",
    b"a",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=2), max_size=12).map(b"".join))
def test_unescape_is_one_replacement_of_each(raw: bytes) -> None:
    assert unescape(raw) == unescape_by_replacing(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_header_is_read(header: bytes) -> None:
    assert read_site_info(header).namespaces[6][0] == "File"


def test_plain_title() -> None:
    assert plain_title("new_York__city") == "New York city"
    assert plain_title("") == ""
    assert [plain_title(title) for title in ("éclair", "ßa", "აბგ", "ﬁx")] == ["Éclair", "ßa", "აბგ", "ﬁx"]
