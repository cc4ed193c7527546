"""Character references in tables: undone once, in captions as HTML has it for attributes, in URLs only closed ones."""

import html
import re

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.collect.html_text import without_references
from pipeline.collect.raw_pairs import check_pairs
from tests.unit.pipeline.collect.test_raw_pairs import raw

PIECES = [
    "&amp;",
    "&amp",
    "&#39;",
    "&#x27;",
    "&eacute;",
    "&copy",
    "&times",
    "&nGt;",
    "&",
    ";",
    "=",
    "a",
    " ",
    "é",
    "x" * 70,
]
texts = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)


def undone(values: list[str | None], are_urls: bool = False) -> list[str | None]:
    column = pa.array(["skipped &amp;", *values], pa.string())[1:]
    found = without_references(column, are_urls)
    found.validate(full=True)
    assert found.null_count == column.null_count
    return list(found.to_pylist())


@given(st.lists(st.none() | texts, max_size=6))
@example(["&nGt;" * 40])
def test_captions_are_as_html_has_attributes(values: list[str | None]) -> None:
    unclosed = re.compile(r"&(amp|copy|times)(?=[=a-zA-Z0-9])")  # goes on: no reference in an attribute
    expected = [value and html.unescape(unclosed.sub(r"&amp;\1", value)) for value in values]
    assert undone(values) == expected


@given(st.lists(st.none() | texts, max_size=6))
def test_urls_have_closed_references_only(values: list[str | None]) -> None:
    closed = re.compile(r"&(?:#\w+|\w+);")
    expected = [value and closed.sub(lambda found: html.unescape(found[0]), value) for value in values]
    assert undone(values, are_urls=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AT&amp;T store", "AT&T store"),
        ("rock&#39;n&#39;roll", "rock'n'roll"),
        ("the cat&#8217;s house", "the cat\u2019s house"),
        ("Caf&eacute; Paris", "Café Paris"),
        ("a&nbsp;&nbsp;b", "a b"),
        ("&amp;amp;", "&amp;"),
        ("R&D &c", "R&D &c"),
    ],
    ids=["amp", "number", "quote", "name", "space", "once", "none"],
)
def test_captions_are_stored_without_references_and_matched_by_metaclip_as_they_stand(text: str, expected: str) -> None:
    pairs = check_pairs(raw([text]), 1_000, unescape_html=True).pairs
    assert pairs["caption"].to_pylist() == [expected]
    assert pairs["raw_caption"].to_pylist() == [text]
    kept = check_pairs(raw([text]), 1_000).pairs
    assert kept["caption"].to_pylist() == [text]


def test_urls_are_asked_for_without_references() -> None:
    urls: list[str | None] = [
        "http://h/x.jpg?w=1&amp;h=2",
        "http://h/x.jpg?w=1&h=2",
        "http://h/x?copy=1&times=2",
        "http://h/a&#32;b",
    ]
    pairs = check_pairs(raw(["a"] * 4, urls), 1_000, unescape_html=True).pairs
    assert pairs["url"].to_pylist() == [urls[1], urls[1], urls[2], "http://h/a%20b"]
    ids = pairs["pair_id"].to_pylist()
    assert ids[0] == ids[1]
    assert check_pairs(raw(["a"] * 4, urls), 1_000).pairs["url"].to_pylist()[:3] == urls[:3]


def test_bytes_that_are_no_utf8_stay_rejections() -> None:
    table = raw(["x"]).set_column(2, "caption", pa.array([b"&amp; \xff"], pa.binary()).view(pa.string()))
    assert [why for _, why, _ in check_pairs(table, 1_000, unescape_html=True).broken] == ["caption_not_utf8"]
