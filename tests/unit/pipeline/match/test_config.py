"""Options of matching that contradict each other are refused."""

import pytest

from pipeline.match.config import MatchOptions


def test_a_language_for_captions_of_none_needs_the_captions_languages() -> None:
    with pytest.raises(ValueError, match="unknown_language must be all where query_languages is all, found 'en'"):
        MatchOptions(queries="q", unknown_language="en")
    assert MatchOptions(queries="q", query_languages="caption", unknown_language="en").unknown_language == "en"


def test_an_empty_language_is_refused() -> None:
    with pytest.raises(ValueError, match="must be all, none or a language, found an empty text"):
        MatchOptions(queries="q", query_languages="caption", unknown_language="")
