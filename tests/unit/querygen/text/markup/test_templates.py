"""Templates: gone, but for those that are a character."""

import pytest

from tests.support.extracted import extract, extract_words


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("a {{t|x=1|[[l|m]]|{{u|{{v}}}}}} b", ["a", "b"]),
        ("a {{{param|default}}} b", ["a", "}", "b"]),
        pytest.param("{{Infobox\n| name = x\n| image = y.jpg\n}}\n'''Foo''' is", ["Foo", "is"], id="infobox"),
        ("__NOTOC__ __FORCETOC__ {{PAGENAME}} {{DEFAULTSORT:x}} b", ["b"]),
        ("{{a|{{b|{{c}}}}|[[d]]|<ref>{{e}}</ref>|<!-- }} -->}}f", ["f"]),
        ("a }} b ]] c |} d", ["a", "b", "c", "|}", "d"]),
    ],
)
def test_templates_are_dropped(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


def test_templates_that_are_characters() -> None:
    text = extract("15{{nbsp}}May 1900{{ndash}}1910 Eagle{{'}}s Title{{'s}} a{{=}}b")
    assert text == "15\xa0May 1900–1910 Eagle's Title's a=b"


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        pytest.param("a{{NBSP}}b", "a\xa0b", id="capitals"),
        pytest.param("a{{Spaced ndash}}b", "a\xa0– b", id="a space"),
        pytest.param("a{{nbsp|2}}b", "a\nb", id="a parameter"),
        pytest.param("a{{nbs}}b", "a\nb", id="a part"),
        pytest.param("a{{}}b", "a\nb", id="no name"),
        ("a{{'", "a"),
    ],
)
def test_names_of_characters_are_whole_and_in_any_case(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


def test_templates_thousands_deep() -> None:
    assert extract_words("a " + "{{t|" * 50_000 + "x" + "}}" * 50_000 + " b") == ["a", "b"]
    assert extract_words("a " + "{{t|[[File:x|\n{|\n|" * 5_000 + "\n|}\n]]}}" * 5_000 + " b") == ["a", "b"]
