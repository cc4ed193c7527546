"""Characters and words against Python's own counting."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.filter.caption_length import characters_within, words_within
from schemas.text import stored_caption
from tests.support.filters import checked_pairs

CAPTIONS = st.lists((st.text(max_size=30) | st.text("a é你😀\u00a0\t", max_size=12)).map(stored_caption), max_size=10)


@given(CAPTIONS, st.integers(0, 8), st.integers(0, 12))
def test_ranges_are_as_python_counts(captions: list[str], low: int, high: int) -> None:
    pairs = checked_pairs(captions)
    expected = [low <= len(text) and (not high or len(text) <= high) for text in captions]
    assert characters_within(pairs, low, high).tolist() == expected
    expected = [low <= len(text.split()) and (not high or len(text.split()) <= high) for text in captions]
    assert words_within(pairs, low, high).tolist() == expected
