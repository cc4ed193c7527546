"""Quotes for bold and italics, and apostrophes among them."""

import pytest

from tests.support.extracted import extract


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("'''Bold''' and ''italic'' and '''''both''''' don't", "Bold and italic and both don't"),
        ("''Iliad'''s story", "Iliad's story"),
        ("l'''Iliade'' et '''b'''", "l'Iliade et b"),
        pytest.param("the d'''é'''tat x '''y'' z", "the d'état x y z", id="bold letter inside a word"),
        ("''a'' '''b ''' c'', '''''both'' bold'''", "a b  c, both bold"),
        ("''''four'''' and '''''''seven'''''''", "'four' and ''seven''"),
        pytest.param("''open\nnext'''s line", "open\nnexts line", id="open italics end with the line"),
        ("a ''b", "a b"),
        ("a '''b", "a b"),
    ],
)
def test_quotes(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted
