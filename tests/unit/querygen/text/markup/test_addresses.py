"""Web addresses: gone; the label of an external link stays."""

import pytest

from tests.support.extracted import extract, extract_words


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("[http://example.org the label] rest", " the label rest"),
        ("[//example.org x] [mailto:a@b.org y] [MAILTO:a z]", " x  y  z"),
        ("a [not a link] {b} ]c[ }d{", "a [not a link] {b} ]c[ }d{"),
        ("[ab://x y]", "[ab://x y]"),
        ("[http:x y]", "[http:x y]"),
        ("a [http://x b", "a  b"),
    ],
)
def test_labels_of_external_links_stay(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


def test_bare_addresses_are_dropped() -> None:
    text = "see http://example.org/a_b?c=d. Then (https://x.org) z"
    assert extract_words(text) == ["see", "Then", "(", "z"]


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("ab://x", "ab://x"),
        ("a: b", "a: b"),
        ("a:/b", "a:/b"),
        pytest.param("xyhttps://y z", "x\n z", id="at most six letters"),
        ("ht[[a|tp://x", "http://x"),
    ],
)
def test_a_bare_address_has_a_scheme_of_letters(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted
