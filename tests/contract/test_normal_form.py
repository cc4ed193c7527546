"""One rule, in four places: the kernels of matching, titles and counting and the segmenter, against `schemas.text`.

Over every kind of character of Unicode in the places where characters act on each other, and over random strings of
those that act most: ignorable characters, marks, apostrophes, jamo, the Turkish i.
"""

import unicodedata
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.match.matcher import Matcher
from querygen.text.segment import segment
from schemas.ignorable import IGNORABLE, UNSPELLED, ignorable_codes
from schemas.text import normal_form, words
from tests.support.naive_counts import naive_counts
from tests.unit.querygen.counts.test_ngrams import bigram_counts, count, flat, word_counts
from tests.unit.querygen.titles.test_title_form import forms

CONTEXTS = (
    "{0}", "a{0}b", "a{0} {0}b", "dog{0}'s", "dog\u2019{0}s", "dog's{0}", "O'{0}B", "1{0}2", "x. {0}Dog.{0} y",
    "i{0}\u0307", "e{0}\u0301", "\u0130{0}", "\u0915\u094d{0}\u0937", "\u1100{0}\u1161", "a\u0316{0}\u0316b",
    "\u200d{0}a", "a{0}\u200dd", "<{0}\u0338",
)  # fmt: skip
"""Where a character may act on others: alone, in and beside words, before and behind apostrophes, in numbers, between a
letter and what composes with it."""

ACTING = (
    "aSsiI1 .'\u2019\u02bc-\u0130\u0131\u00e9\u00df\ufb01\u00bd\u00b4\u0301\u0307\u0316\u0323\u0327\u0338\u0345\u093f"
    "\u094d\u0915\u1100\u1161\u11a8\u1160\u115f\u3164\uffa0\uac00\u20e3\u2764\U0001f468\U0001f3fd\u05d0\u05b0\u0640"
    "\u0645\u06cc\u0dc1\u0dca\u00ad\u034f\u061c\u17b4\u180b\u180e\u200b\u200c\u200d\u200e\u202a\u2060\u2066\ufe0e\ufe0f"
    "\ufeff\ufff0\U0001d173\U000e0001\U000e0020\U000e0061\U000e007f\U000e0100\U000e0fff"
)
TEXTS = st.text(st.sampled_from(ACTING), max_size=14) | st.text(max_size=12).map(
    lambda text: text.encode("utf-8", "replace").decode()
)


def telling_codes() -> Iterator[int]:
    """Yield every code point that may be unlike its neighbours, and some of the long runs of equals."""
    ignorable = set(ignorable_codes())
    for code in range(0x110000):
        character = chr(code)
        alike = unicodedata.category(character) in ("Lo", "So", "Cn", "Co") and not unicodedata.decomposition(character)
        listed = code < 0x3100 or (code in ignorable and code < 0xE0200)
        if 0xD800 <= code < 0xE000 or (alike and code % 64 and not listed):
            continue
        yield code


def texts_of_all_characters() -> list[str]:
    return [context.format(chr(code)) for code in telling_codes() for context in CONTEXTS]


def matched_words(texts: list[str], listed: list[str]) -> list[list[str]]:
    matcher = Matcher(pa.array(listed, pa.string()), np.arange(len(listed), dtype=np.int32), "normalised")
    return [[listed[number] for number in found] for found in matcher.match(pa.array(texts, pa.string())).to_pylist()]


def counted(texts: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the words and the bigrams that the compiled counter finds, by spelling."""
    run = count(texts)
    return word_counts(run), bigram_counts(run)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return texts_of_all_characters()


def test_the_normal_form_of_every_character_in_context_is_stable(texts: list[str]) -> None:
    for text in texts:
        form = normal_form(text)
        assert normal_form(form) == form, ascii(text)


def test_titles_of_every_character_in_context(texts: list[str]) -> None:
    for text, form in zip(texts, forms(texts), strict=True):
        assert form == normal_form(text), ascii(text)


def test_captions_of_every_character_in_context_match_their_words_and_no_others(texts: list[str]) -> None:
    wanted = [sorted(set(words(text))) for text in texts]
    listed = sorted(set().union(*wanted))
    for text, expected, found in zip(texts, wanted, matched_words(texts, listed), strict=True):
        assert sorted(found) == expected, ascii(text)


def test_counts_of_every_character_in_context(texts: list[str]) -> None:
    for start in range(0, len(texts), 20_000):
        lines = texts[start : start + 20_000]
        wanted_words, wanted_bigrams = naive_counts(lines)
        found_words, found_bigrams = counted(lines)
        assert found_words == flat(wanted_words)
        assert found_bigrams == flat(wanted_bigrams)


@settings(max_examples=1500, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_titles(texts: list[str]) -> None:
    assert forms(texts) == [normal_form(text) for text in texts]


@settings(max_examples=1000, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_captions(texts: list[str]) -> None:
    wanted = [sorted(set(words(text))) for text in texts]
    listed = sorted(set().union(*wanted))
    assert [sorted(found) for found in matched_words(texts, listed)] == wanted


@settings(max_examples=1500, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_counts(texts: list[str]) -> None:
    wanted_words, wanted_bigrams = naive_counts(texts)
    assert counted(texts) == (flat(wanted_words), flat(wanted_bigrams))


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
def test_no_spelling_begins_or_ends_with_what_is_not_seen_or_holds_more_than_joiners(text: str) -> None:
    for spelling in counted([text])[0]:
        assert not IGNORABLE.match(spelling[0])
        assert not IGNORABLE.match(spelling[-1])
        assert not UNSPELLED.search(spelling)
        (word,) = words(spelling)
        assert unicodedata.category(word[0])[0] in "LN"


UNSPACED = st.text(
    st.sampled_from("東京大学はภาษาไทยកម្ពុជាမြန်မာa1 。\u3000\u0301\u200b\u00ad\u200c\u200d\u200e\u2060\ufe0f\U000e0100")
)


@settings(max_examples=500, deadline=None)
@given(UNSPACED)
def test_words_of_languages_without_spaces_do_not_depend_on_what_is_not_seen(text: str) -> None:
    assert IGNORABLE.sub("", segment(text)) == segment(IGNORABLE.sub("", text))
