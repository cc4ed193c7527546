"""The text normal form: its rule by example, and its laws over all of Unicode and random strings."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from schemas.ignorable import IGNORABLE, UNSPELLED, ignorable_codes
from schemas.text import APOSTROPHES, fold, is_word_character, normal_form, stored_caption, words

TRICKY = st.text(
    st.sampled_from(
        "aAsSiI'\u2019\u02bc .-\u00e9e\u0301\u0307\u0316\u0323\u0327\u0345\u0130\u0131\u00b4\u00df\u017f\ufb00\u1100"
        "\u1161\u11a8가ⅧⅣ½\u00ad\u034f\u115f\u1160\u180b\u200b\u200c\u200d\u200e\u20e3\u2060\u3164\ufe0f\ufeff\uffa0"
        "\U000e0041\U000e0100"
    ),
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


HARDLY_SEEN = {
    "heart between words": ("cat\u2764\ufe0fdog", "cat dog"),
    "heart after words": ("I love my cat \u2764\ufe0f", "i love my cat"),
    "soft hyphen": ("a light\u00adhouse, Donau\u00addampf", "a lighthouse donaudampf"),
    "Sinhala Sri": ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0dc1\u0dca\u0dbb\u0dd3"),
    "Persian I want": (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645",
    ),
    "joined emoji": ("\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f468 kiss", "kiss"),
    "emoji with tags": ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f flag", "flag"),
    "key caps": ("key 1\ufe0f\u20e3 #\ufe0f\u20e3 *\ufe0f\u20e3", "key 1\u20e3"),
    "byte order and direction marks": ("\ufeffa \u200etree\u200f", "a tree"),
    "zero width space": ("super\u200bcali", "super cali"),
    "grapheme joiner": ("c\u034fh", "ch"),
    "between letter and accent": ("cafe\u034f\u0301 cafe\ufe0f\u0301", "caf\u00e9 caf\u00e9"),
    "ideographic variant": ("\u8fbb\U000e0100\u5b50", "\u8fbb\u5b50"),
    "Mongolian": ("\u1820\u180b\u180e\u1820", "\u1820\u1820"),
    "Hangul fillers": ("\u3164 \uffa0 \u115f\u1160 a\u3164b", "ab"),
    "around apostrophes": ("dog\u200d\u2019\u00ads\u200e O\u200c'\u2060Brien\ufe0e's", "dog o'brien"),
    "beside an outer apostrophe": ("rock '\u200en' roll", "rock n roll"),
    "in a number": ("1\u00ad000", "1000"),
    "tatweel is seen": ("\u0645\u0640\u0645", "\u0645\u0640\u0645"),
    "end of a verse is seen": ("\u0661\u06dd\u0662", "\u0661 \u0662"),
    "accent for an apostrophe": ("dog\u00b4s 20\u02daC", "dog s 20 c"),
    "marks on no letter": ("\u0301a \u2665\u20dd b", "a b"),
    "Turkish i": ("\u0130stanbul ISTANBUL i\u0307stanbul I\u0307stanbul", "istanbul istanbul istanbul istanbul"),
    "dotless i": ("Diyarbak\u0131r", "diyarbak\u0131r"),
    "dot behind marks": (
        "I\u0307\u0323 i\u0316\u0307 i\u0307\u0301 i\u0301\u0307",
        "\u1ecb i\u0316 \u00ed \u00ed\u0307",
    ),
    "dots of other letters": ("\u017c \u010b j\u0307", "\u017c \u010b j\u0307"),
}


@pytest.mark.parametrize(("text", "expected"), list(HARDLY_SEEN.values()), ids=list(HARDLY_SEEN))
def test_characters_that_are_hardly_seen(text: str, expected: str) -> None:
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
        assert unicodedata.category(word[0])[0] in "LN"
        assert word[-1] != "'"
        assert not word.endswith("'s")


def test_the_table_is_unicodes_property() -> None:
    default_ignorable = regex.compile(r"\p{Default_Ignorable_Code_Point}")
    unicodes = {code for code in range(0x110000) if default_ignorable.match(chr(code))}
    assert set(ignorable_codes()) == unicodes - {0x200B}
    assert {code for code in range(0x110000) if IGNORABLE.match(chr(code))} == unicodes - {0x200B}
    assert {code for code in range(0x110000) if UNSPELLED.match(chr(code))} == unicodes - {0x200B, 0x200C, 0x200D}


@pytest.mark.parametrize(
    "text", ["{0}", "{0}dog{0}", "do{0}g", "dog{0}'{0}s", "a {0} b", "a{0} {0}b", "O'{0}B", "1{0}2"]
)
def test_an_ignorable_character_is_none_wherever_it_stands(text: str) -> None:
    without = normal_form(text.format(""))
    for code in ignorable_codes():
        assert normal_form(text.format(chr(code))) == without, hex(code)


def test_folding_makes_no_ignorable_character_of_others() -> None:
    for code in range(0x110000):
        assert not IGNORABLE.search(fold(chr(code))), hex(code)


@given(st.text() | TRICKY)
def test_ignorable_characters_do_not_count(text: str) -> None:
    assert words(text) == words(IGNORABLE.sub("", text))


@given(st.text() | TRICKY)
def test_canonically_equal_texts_have_one_normal_form(text: str) -> None:
    assert normal_form(unicodedata.normalize("NFD", text)) == normal_form(unicodedata.normalize("NFC", text))


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


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        pytest.param("\ufeffx y", "x y", id="mark"),
        pytest.param(" \ufeff \ufeff x", "x", id="marks and blanks"),
        pytest.param("x\ufeffy", "x\ufeffy", id="inside"),
        pytest.param("\ufeff", "", id="nothing else"),
    ],
)
def test_no_byte_order_mark_stands_in_front_of_a_stored_caption(text: str, stored: str) -> None:
    assert stored_caption(text) == stored
    assert stored_caption(stored) == stored
