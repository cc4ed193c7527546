"""The cleaning as rules of `tokenizers`, compared with the cleaning in Python."""

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.tokenizing.cleaning import Cleaning
from trainer.tokenizing.words import plain_text

CAPTIONS = [
    "AT&amp;amp;T's store", "&#39;x&#039; &#x27; &#XE9; &#146;y&#146;", "&eacute; &amp;eacute; &amp;#233;",
    "R&D & more", "&lt;b&gt; &amp;lt;", "&#38;#39;", "&hellip;&nbsp;a&mdash;b", "A  RED\t star", "&unknown; &#; &",
    "it\u2019s \u201cgood\u201d", "ΟΔΟΣ ΣΟΣ.", "&amp;amp;amp;amp;",
]  # fmt: skip
RULES = {cleaning: cleaning.rules() for cleaning in Cleaning}


def both(cleaning: Cleaning, text: str) -> tuple[str, str]:
    """Return `text` cleaned by the rules, and in Python with what the tokenizer does after it."""
    wanted = cleaning.clean(text)
    if cleaning is not Cleaning.RELEASED:
        for step in plain_text():
            wanted = step.normalize_str(wanted)
    return " ".join(RULES[cleaning].normalize_str(text).split()), " ".join(wanted.split())


@pytest.mark.parametrize("cleaning", list(Cleaning), ids=lambda cleaning: cleaning.value)
@pytest.mark.parametrize("text", CAPTIONS, ids=range(len(CAPTIONS)))
def test_the_rules_clean_as_python_does(cleaning: Cleaning, text: str) -> None:
    found, wanted = both(cleaning, text)
    assert found == wanted


PARTS = ["&amp;", "&", "#38;", "amp;", "&lt;", "&eacute;", "&#233;", "&#0146;", "#39;", "x", " ", "A", "&copy;"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
def test_references_within_references(text: str) -> None:
    found, wanted = both(Cleaning.REFERENCES, text)
    if "&" not in html.unescape(html.unescape(text)):  # elsewhere names may lack their semicolon
        assert found == wanted


@pytest.mark.parametrize(
    "text", ["cafÃ©", "&notin; &Gammad;", "&copy 2020"], ids=["encoding", "html 5", "no semicolon"]
)
def test_what_rules_cannot_say(text: str) -> None:
    found, wanted = both(Cleaning.RELEASED, text)
    assert found != wanted
