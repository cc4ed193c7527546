"""Cleaning of captions: references undone twice, and the release's rules."""

import html

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.caption_text import as_released, without_references


def plain(text: str) -> str:
    """The release's own three steps, without a short cut (`simple_tokenizer.py`)."""
    return " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split()).strip().lower()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("AT&amp;amp;T", "at&t"),
        ("  A\tred\n  star ", "a red star"),
        ("cafÃ© “quoted”", 'café "quoted"'),
        ("ΟΔΟΣ", "οδος".replace("σ", "σ")[:-1] + "ς"),
        ("e&#769;t", "ét"),
        ("\x1b[31mred", "red"),
    ],
    ids=["references", "spaces", "mended", "final sigma", "composed", "escapes"],
)
def test_a_caption_is_cleaned_as_the_release_does(text: str, wanted: str) -> None:
    assert as_released(text) == plain(text)
    assert as_released(text) == wanted


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30) | st.text(alphabet="aB &;<>amp#39\t\n\x1b\x7f'\"", max_size=30))
def test_the_short_way_for_plain_text_changes_nothing(text: str) -> None:
    assert as_released(text) == plain(text)


def test_references_are_undone_twice_and_no_more() -> None:
    assert without_references("&amp;amp;amp;") == "&amp;"
    assert without_references("a < b") == "a < b"
