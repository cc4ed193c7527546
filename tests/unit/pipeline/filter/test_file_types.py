"""Suffixes of URLs against Python's URL parser."""

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from pipeline.filter.file_types import has_file_type
from tests.support.filters import checked_pairs

URLS = st.builds(
    "http://a.example{}{}{}".format,
    st.sampled_from(["", "/", "/b.jpg/", "/x/", "//"]),
    st.text("ab.JPG%-é1", max_size=9) | st.sampled_from(["a.jpg", "a.JPEG", "a.tar.gz", ".png", "a.png.", "a"]),
    st.sampled_from(["", "?q=a.gif", "#a.gif", "?x/y.png"]),
)


def file_type(url: str) -> str:
    segment = urlsplit(url).path.split("/")[-1]
    suffix = segment.rsplit(".", 1)[1].lower() if "." in segment else ""
    return suffix if re.fullmatch("[a-z0-9]{1,5}", suffix) else "none"


@given(
    st.lists(URLS.filter(lambda url: "/" in url[8:]), max_size=10),
    st.sets(st.sampled_from(["jpg", "png", "gz", "none"])), st.sets(st.sampled_from(["jpeg", "a", "1"])),
)  # fmt: skip
def test_types_are_those_of_the_path(urls: list[str], allowed: set[str], denied: set[str]) -> None:
    keep = has_file_type(checked_pairs(["a"] * len(urls), urls), tuple(allowed), tuple(denied))
    expected = [(not allowed or file_type(url) in allowed) and file_type(url) not in denied for url in urls]
    assert keep.tolist() == expected


def test_a_host_has_no_type() -> None:
    urls = ["http://a.jpg", "http://a.jpg/", "http://a.jpg?x", "http://a/b.jpg"]
    assert has_file_type(checked_pairs(["a"] * 4, urls), ("jpg",), ()).tolist() == [False, False, False, True]
    assert PurePosixPath(urls[3]).suffix == ".jpg"
