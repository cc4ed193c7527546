"""Options that make no sense are refused with their values."""

from typing import Any

import pytest

from pipeline.filter.config import FilterOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_caption_characters": -1}, r"min_caption_characters and .* must not be negative, found -1"),
        ({"min_caption_words": 9, "max_caption_words": 8}, r"min_caption_words must be at most .*, found 9 and 8"),
        ({"allow_file_types": (".jpg",)}, r"allow_file_types: expected suffixes .* found '.jpg'"),
        ({"allow_file_types": ("jpg",), "deny_file_types": ("jpg",)}, r"both have \['jpg'\]"),
        ({"language": ("en,de",)}, r"language: expected ISO 639 codes .* found 'en,de'"),
        ({"min_language_score": 1.5}, r"min_language_score must be in 0 .. 1, found 1.5"),
        ({"min_language_score": 0.5, "identify_language": "never"}, r"min_language_score needs identified languages"),
    ],
)  # fmt: skip
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FilterOptions(**options)


def test_no_limit_above_a_least_is_no_contradiction() -> None:
    FilterOptions(min_caption_words=3, max_caption_words=0)
