"""URLs as browsers read them: what is cut and encoded, what stays byte by byte, and that the crawl sources agree."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.pairs.url_resolution import empty_base, resolve
from schemas.identity import normalise_urls
from schemas.url_text import browser_urls


def browser_url(url: str) -> str:
    return str(browser_urls(pa.array([url]))[0].as_py())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/b c.jpg", "http://h/b%20c.jpg"),
        ("http://h/a?q=b c#d e", "http://h/a?q=b%20c#d%20e"),
        ("http://h?b c", "http://h?b%20c"),
        (" \t http://h/x\n\0", "http://h/x"),
        ("http://h/a\tb\r\nc.jpg", "http://h/abc.jpg"),
        ("ht\ntp://h/x", "http://h/x"),
        ("http://h/\x7f\x01", "http://h/%7F"),
        ("http://h/\x01\x1f/\x7f/x", "http://h/%01%1F/%7F/x"),
        ("http://a b/c d", "http://a b/c%20d"),
        ("http://h", "http://h"),
        ("no url at all", "no url at all"),
        ("", ""),
    ],
    ids=[
        "path", "query-and-fragment", "no-path", "around", "inside", "in-scheme", "control-at-end", "controls", "host",
        "no-path-at-all", "no-url", "empty",
    ],
)  # fmt: skip
def test_what_browsers_cut_and_encode(url: str, expected: str) -> None:
    assert browser_url(url) == expected


@given(st.lists(st.none() | st.text(st.sampled_from('ht:/?#é%+&<>"\\'), max_size=12), max_size=6), st.integers(0, 2))
def test_what_has_no_such_character_stays_as_it_is(urls: list[str | None], skipped: int) -> None:
    column = pa.array([*([" "] * skipped), *urls], pa.string())[skipped:]
    assert browser_urls(column).to_pylist() == urls


@given(st.lists(st.none() | st.text(st.sampled_from("http:// ?#é\x7f\n"), max_size=14), max_size=6))
def test_neighbours_change_nothing(urls: list[str | None]) -> None:
    alone = [None if url is None else browser_url(url) for url in urls]
    assert browser_urls(pa.array(urls, pa.string())).to_pylist() == alone


@given(st.text(st.sampled_from("ab /?# \t\n\x7fé%+&"), max_size=12))
def test_the_crawl_sources_read_links_alike(rest: str) -> None:
    url = f"http://h.example/{rest}"
    base, parts = empty_base()
    data = np.frombuffer(url.encode() + bytes(64), dtype=np.uint8)
    out = np.zeros(4096, dtype=np.uint8)
    end = resolve(data, 0, len(url.encode()), base, parts, out, 0)
    assert out[:end].tobytes().decode() == browser_url(url)


def test_what_is_mended_is_no_fault() -> None:
    found, faults = normalise_urls(browser_urls(pa.array(["http://h/b c.jpg", "http://h /b.jpg"])))
    assert (found.to_pylist(), faults.tolist()) == (["http://h/b%20c.jpg", ""], [0, 3])
