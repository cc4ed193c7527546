"""Comments and HTML's tags."""

import pytest

from querygen.text.markup.tags import DROPPED_TAGS
from tests.support.extracted import EXTRACTOR, extract, extract_words


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("H<sub>2</sub>O", "H2O"),
        ("x<ref name=a>cite</ref>, y<ref name=b />.", "x, y."),
        ("one<!-- {{two -->three", "onethree"),
        ("<nowiki>[[a]] {{b}}</nowiki>", "[[a]] {{b}}"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ('x<ref name="a/b" />, y<ref name=\'q "r"\'>cite</ref>, z<ref name=x/>.', "x, y, z."),
        ("a<nowiki/>b <nowiki />c", "ab c"),
        ('<code>x</code> <span lang="la">y</span> <b>z</b>', "x y z"),
    ],
)
def test_inline_tags(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("a <math>x^2 {{</math> b", ["a", "b"]),
        pytest.param("<gallery>\nFile:x.jpg|cap\n</gallery> b", ["b"], id="gallery"),
        ("<table><tr><td>x</td></tr></table> b", ["b"]),
        ("<REF>x</Ref> b <REFERENCES /> c", ["b", "c"]),
        ("a<br/>b<br>c<BR />d", ["a", "b", "c", "d"]),
        pytest.param("<pre>\n[[x]] {{y\n</pre> b", ["b"], id="pre"),
        ('<syntaxhighlight lang="c">a < b; {{ x[[</syntaxhighlight> b', ["b"]),
        pytest.param(
            "a <gallery mode=packed>\nFile:x.jpg|[[cap]]\nFile:y.jpg\n</gallery> b",
            ["a", "b"],
            id="gallery with options",
        ),
        pytest.param("<timeline>\nx = [[y]]\n</timeline>b <score>c</score> d", ["b", "d"], id="timeline and score"),
    ],
)
def test_content_that_is_dropped(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


@pytest.mark.parametrize("name", DROPPED_TAGS)
def test_a_dropped_tag_ends_at_its_own_closing_tag(name: str) -> None:
    text, unclosed = EXTRACTOR.extract(f"a <{name} x>{{{{</{name}s></b></{name.upper()} > b".encode())
    assert not unclosed
    assert text.split() == (["a", "{{</nowikis></b>", "b"] if name == "nowiki" else ["a", "b"])


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("a <br b", ["a", "<br", "b"]), ("a <math> b", ["a", "b"]), ("a <nowiki> b", ["a", "b"]),
        ("a </ref> b", ["a", "b"]),
    ],
)  # fmt: skip
def test_what_is_left_open_stays_text(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted
