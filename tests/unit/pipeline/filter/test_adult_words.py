"""The built-in word list can be matched as it stands, and leaves out what other words hold."""

import pyarrow as pa

from pipeline.filter.adult_words import ADULT_WORDS
from pipeline.filter.word_lists import has_no_word, word_matcher
from schemas.text import normal_form
from tests.support.filters import checked_pairs


def test_every_entry_is_in_normal_form_and_stands_once() -> None:
    assert [normal_form(word) for word in ADULT_WORDS] == list(ADULT_WORDS)
    assert list(ADULT_WORDS) == sorted(set(ADULT_WORDS), key=ADULT_WORDS.index)


def test_words_of_towns_birds_and_art_are_none() -> None:
    kept = ["Scunthorpe and Sussex", "a great tit", "nude in art, Titian", "Dick and Fanny", "sex of the kitten"]
    found = has_no_word(checked_pairs([*kept, "hot PORN-star", "Blow  job"]), word_matcher(ADULT_WORDS))
    assert pa.array(found).to_pylist() == [True] * len(kept) + [False, False]
