"""The text normal form: its rule by example, and its laws over all of Unicode and random strings."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text import APOSTROPHES, is_word_character, normal_form, stored_caption, words

TRICKY = st.text(
    st.sampled_from("aAsS'\u2019\u02bc .-\u00e9e\u0301\u0327\u0345\u0130\u00df\u017f\ufb00\u1100\u1161\u11a8가ⅧⅣ½"),
    max_size=12,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog's", "dog"),
        ("(dog)", "dog"),
        ("dog/cat", "dog cat"),
        ("dog-friendly", "dog friendly"),
        ("St. Louis", "st louis"),
        ("U.S.", "u s"),
        pytest.param("Dog\u2019s's", "dog", id="curly possessive"),
        ("O'Brien's", "o'brien"),
        pytest.param("O\u2019Brien", "o'brien", id="curly apostrophe"),
        ("rock 'n' roll", "rock n roll"),
        ("1980's", "1980 s"),
        pytest.param("STRASSE Straße", "strasse strasse", id="sharp s"),
        pytest.param("Ｎｅｗ\u3000Ｙｏｒｋ", "new york", id="full width"),
        pytest.param("cafe\u0301", "caf\u00e9", id="combining accent"),
        ("  ...  ", ""),
        ("", ""),
        ("'s", "s"),
    ],
)
def test_rule_by_example(text: str, expected: str) -> None:
    assert normal_form(text) == expected


def test_idempotent_on_every_character_in_context() -> None:
    for code in range(0x110000):
        character = chr(code)
        for text in (f"a{character}", f"{character}'s", f"e{character}\u0301"):
            once = normal_form(text)
            assert normal_form(once) == once, hex(code)


@given(st.text() | TRICKY)
def test_idempotent(text: str) -> None:
    once = normal_form(text)
    assert normal_form(once) == once


@given(st.text() | TRICKY)
def test_words_hold_only_word_characters_and_inner_apostrophes(text: str) -> None:
    for word in words(text):
        assert word
        assert all(is_word_character(character) or character == "'" for character in word)
        assert word[0] != "'"
        assert word[-1] != "'"
        assert not word.endswith("'s")


@given(st.text(), st.sampled_from(APOSTROPHES))
def test_curly_and_straight_apostrophes_are_one(text: str, apostrophe: str) -> None:
    assert normal_form(text.replace("'", apostrophe)) == normal_form(text.replace(apostrophe, "'"))


@given(st.text() | TRICKY)
def test_stored_caption_is_idempotent_composed_and_single_spaced(text: str) -> None:
    stored = stored_caption(text)
    assert stored_caption(stored) == stored
    assert unicodedata.is_normalized("NFC", stored)
    assert stored == " ".join(stored.split())


def test_a_long_hostile_word_takes_linear_time() -> None:
    assert normal_form("a" + "'s" * 200_000) == "a"
