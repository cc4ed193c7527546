"""Resolving references: against the standard library where both follow RFC 3986, and as browsers do elsewhere."""

from urllib.parse import urljoin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.pairs.url_resolution import (
    DATA_URL,
    NO_REFERENCE,
    NO_SPACE,
    NOT_HTTP,
    empty_base,
    resolve,
    set_base,
)
from schemas.kernels.byte_scan import PADDING


def padded(text: str) -> tuple[np.ndarray, int]:
    raw = text.encode()
    return np.frombuffer(raw + bytes(PADDING), dtype=np.uint8), len(raw)


def resolved(reference: str, page: str, room: int = 10_000) -> str | int:
    base, parts = empty_base()
    data, size = padded(page)
    set_base(data, 0, size, base, parts)
    out = np.zeros(room, dtype=np.uint8)
    data, size = padded(reference)
    end = resolve(data, 0, size, base, parts, out, 0)
    return out[:end].tobytes().decode() if end >= 0 else int(end)


SEGMENT = st.sampled_from(["a", "bc", "..", ".", "x.jpg", "...", "a b", "..b"])
PATH = st.lists(SEGMENT, min_size=1, max_size=6).map("/".join)
QUERY = st.sampled_from(["", "?a=1&b=/../c", "?", "?x?y"])
PAGE = st.builds(
    lambda scheme, path, query: f"{scheme}://host.example:81{path}{query}",
    st.sampled_from(["http", "https"]), st.sampled_from(["", "/", "/p", "/p/q/", "/p/q/r.html", "/p/../q/r"]), QUERY,
)  # fmt: skip
REFERENCE = st.one_of(
    st.builds(lambda path, query: path + query, PATH, QUERY),
    st.builds(lambda path, query: "/" + path + query, PATH, QUERY),
    st.builds(lambda path: f"//other.example/{path}", PATH),
    st.builds(lambda path: f"https://other.example/{path}", PATH),
    st.just("?only=query"),
)


@settings(max_examples=400)
@given(REFERENCE, PAGE)
def test_references_resolve_as_in_rfc_3986(reference: str, page: str) -> None:
    found = resolved(reference, page)
    absolute = "//" in reference[:8]
    expected = urljoin(page, reference).replace(" ", "%20")
    if absolute:  # the standard library resolves dots in "//host/a/../b", browsers and we keep what is written
        expected = (
            reference.replace(" ", "%20")
            if "://" in reference
            else f"{page.split(':')[0]}:{reference}".replace(" ", "%20")
        )
    elif page.endswith("?") and reference.startswith("?"):
        return
    assert str(found).removesuffix("?") == expected.removesuffix("?")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("  a.jpg\n", "http://h/d/a.jpg", id="white space around"),
        pytest.param("a\n\tb.jpg", "http://h/d/ab.jpg", id="white space inside"),
        ("my photo.jpg", "http://h/d/my%20photo.jpg"),
        ("\\images\\a.jpg?x=\\", "http://h/images/a.jpg?x=\\"),
        ("HTTPS://Other/a", "HTTPS://Other/a"),
        ("//cdn.example/a", "http://cdn.example/a"),
        ("../../../a.jpg", "http://h/a.jpg"),
        pytest.param("bücher.jpg", "http://h/d/bücher.jpg", id="umlaut"),
        ("a:b.jpg", NOT_HTTP),
        ("./a:b.jpg", "http://h/d/a:b.jpg"),
        ("ftp://h/a", NOT_HTTP),
        ("javascript:void(0)", NOT_HTTP),
        ("Data:image/gif;base64,R0", DATA_URL),
        ("", NO_REFERENCE),
        ("#top", NO_REFERENCE),
    ],
)
def test_references_of_the_web(reference: str, expected: str | int) -> None:
    assert resolved(reference, "http://h/d/page.html?q#f") == expected


def test_no_base_and_no_room() -> None:
    assert resolved("a.jpg", "urn:isbn:1") == NOT_HTTP
    assert resolved("http://h/a.jpg", "urn:isbn:1") == "http://h/a.jpg"
    assert resolved("a.jpg", "http://h/" + "x" * 5000) == NOT_HTTP
    assert resolved("a.jpg", "http://h/d/", room=12) == NO_SPACE
