"""Word lists against a search among the words of the normal form."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.adult_words import ADULT_WORDS
from pipeline.filter.word_lists import has_no_word, load_words
from schemas.text import normal_form
from tests.support.filters import checked_pairs

TEXTS = st.text("abÄä's. -\u2019", max_size=10)


@settings(max_examples=100)
@given(st.lists(TEXTS.filter(normal_form).filter(lambda t: not t.strip().startswith("#")), max_size=5),
       st.lists(TEXTS, max_size=10))  # fmt: skip
def test_whole_words_and_phrases_are_found(tmp_path: Path, listed: list[str], captions: list[str]) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(listed))
    keep = has_no_word(checked_pairs(captions), load_words((str(path),)))
    forms = [f" {normal_form(text)} " for text in listed]
    assert keep.tolist() == [not any(form in f" {normal_form(text)} " for form in forms) for text in captions]


def test_a_line_without_a_word_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ok\n-- --\n")
    with pytest.raises(ValueError, match=r"words.txt, line 2: expected a word or phrase .* found '-- --'"):
        load_words((str(path),))


def test_the_built_in_list_is_in_normal_form_and_sorted_out() -> None:
    assert [normal_form(text) for text in ADULT_WORDS] == list(ADULT_WORDS)
    assert len(set(ADULT_WORDS)) == len(ADULT_WORDS)
