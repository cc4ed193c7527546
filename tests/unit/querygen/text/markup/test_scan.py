"""The scan: what has no module of its own, and what is left open at the end."""

import pytest

from tests.support.extracted import EXTRACTOR, extract


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("plain text", "plain text"),
        ("__NOTOC__x", "x"),
        ("a_b __init__ c", "a_b __init__ c"),
        ("__A__ __AB__", "__A__ __AB__"),
        ("__ABC__", ""),
        ("a=b == c", "a=b  c"),
    ],
)
def test_signs(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


def test_lines_stand_for_markup_boundaries() -> None:
    lines = [line.strip() for line in extract("a {{t}} b<br>c\n* d\n\ne").split("\n")]
    assert [line for line in lines if line] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("wikitext", ["a {{b", "a <!-- b", pytest.param("a\n{|\nb", id="table"), "a <ref>"])
def test_open_at_the_end_is_told(wikitext: str) -> None:
    text, unclosed = EXTRACTOR.extract(wikitext.encode())
    assert unclosed
    assert text.split() == ["a"]
