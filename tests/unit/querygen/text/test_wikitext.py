"""Wikitext to text: entities, names of a wiki, what is no UTF-8, and the laws. `markup/` has each construct."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import SiteInfo
from tests.support.extracted import EXTRACTOR, extract


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        pytest.param("fish &amp; chips &lt;b&gt; caf&eacute; &#65;&#x42;", "fish & chips <b> café AB", id="entities"),
        pytest.param(
            "a&nbsp;b a&shy;b \u200fשלום\u200e so\u00adft",
            "a\xa0b a\xadb \u200fשלום\u200e so\u00adft",
            id="invisible characters",
        ),
    ],
)
def test_entities(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


def test_names_of_the_wiki_are_used() -> None:
    site = SiteInfo(namespaces={6: ("Fichier",), 14: ("Категория",)})
    text, _ = TextExtractor(site).extract("[[fichier:x|y]] a [[Категория:Б]] b [[категория:Б]]".encode())
    assert text.split() == ["a", "b"]


def test_not_utf8_is_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        EXTRACTOR.extract(b"caf\xe9 x")


MARKUP = st.sampled_from(
    ["{{", "}}", "[[", "]]", "{|", "|}", "\n", "\n\n", "|", "==", "\n== h ==\n", "<ref>", "</ref>", "<ref/>", "<!--",
     "-->", "''", "'''", "<nowiki>", "</nowiki>", "<math>", "http://", "https://x", "[http://a b", "]", "[", "__TOC__",
     "File:", "Category:", "de:", "&amp;", "&#", " ", "a", "é", "犬", "{", "}", ":", "*", "<br>", "<", ">", "=", "_",
     "-"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(MARKUP, max_size=80).map("".join)))
def test_any_string_gives_text(wikitext: str) -> None:
    encoded = wikitext.encode("utf-8", "surrogatepass")
    try:
        encoded.decode()
    except UnicodeDecodeError:
        return
    text, _ = EXTRACTOR.extract(encoded)
    assert EXTRACTOR.extract(encoded)[0] == text
    assert len(text) <= len(wikitext) + 16


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), max_size=100))
def test_text_without_markup_stays(text: str) -> None:
    assert extract("x" + text) == "x" + text


def test_the_two_forms_of_the_text_are_equal() -> None:
    for wikitext in ("a &amp; b", "a&#10;b&nbsp;c&nGt;", "{{t}} x &#0; &#x80;", "犬 é &bogus;", ""):
        text, unclosed = EXTRACTOR.extract_utf8(wikitext.encode())
        assert (text.tobytes().decode(), unclosed) == EXTRACTOR.extract(wikitext.encode())
    assert extract("a&#10;b&nbsp;c&nGt; &#x80;") == "a\nb\xa0c≫⃒ €"


def test_not_utf8_is_an_error_in_both_forms() -> None:
    for wikitext in (b"caf\xe9 x", b"\xed\xa0\x80", b"x &amp; \xc3"):
        with pytest.raises(UnicodeDecodeError):
            EXTRACTOR.extract_utf8(wikitext)
