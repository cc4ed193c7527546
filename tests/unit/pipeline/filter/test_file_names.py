"""Captions that are a file name against the rules said in Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.file_names import COUNTERS, SUFFIXES, is_no_file_name
from schemas.text import stored_caption
from tests.support.filters import checked_pairs


def is_file_name(text: str) -> bool:
    lowered = text.lower()
    stem, dot, suffix = lowered.rpartition(".")
    if dot and suffix in SUFFIXES and stem and not stem[-1].isspace() and stem[-1] != ".":
        return True
    for counter in COUNTERS:
        rest = lowered.removeprefix(counter)
        number = rest.lstrip("-_ ").removeprefix("(")
        is_number = number[:1].isdigit() and not set(number) - set("0123456789-_ ()")
        if rest != lowered and is_number and len(rest) - len(rest.lstrip("-_ ")) <= 3:
            return len(text) <= 48 or " " not in text
    return len(text) >= 16 and not set(lowered) - set("0123456789abcdef-_") and any(c.isdigit() for c in text)


PIECES = st.sampled_from([*COUNTERS, "cat", "Dog", "deadbeef", "é", "１"])
TEXTS = (
    st.builds("{}{}{}".format, PIECES | PIECES.map(str.upper), st.text("-_ (0123)", max_size=8), st.sampled_from(
        ["", ".jpg", ".JPEG", " .png", "..gif", ".doc", ".jpg at home", *(f".{suffix}" for suffix in SUFFIXES)]))
    | st.text("0123456789abcdefABCDEF-_g ", max_size=24)
    | st.text(max_size=20)
).map(stored_caption)  # fmt: skip


@settings(max_examples=120)
@given(st.lists(TEXTS, max_size=12))
def test_equals_the_rules(captions: list[str]) -> None:
    assert is_no_file_name(checked_pairs(captions)).tolist() == [not is_file_name(text) for text in captions]


@pytest.mark.parametrize(
    ("caption", "is_name"),
    [
        ("IMG_1234.JPG", True), ("DSC00012", True), ("image1.png", True), ("PXL_20240101_120000", True),
        ("photo (3)", True),
        ("Old US41 Bridge Baraga MI.jpg", True), ("d41d8cd98f00b204e9800998ecf8427e", True), ("image", False),
        ("Boeing 747", False), ("P 51 Mustang", False), ("photo 3 of my cat", False),
        ("Pony Love.jpg Canvas Bag", False),
        ("effaced-cabbaged-facade", False), ("2017", False), ("Image 3: the harbour", False),
    ],
)  # fmt: skip
def test_examples(caption: str, is_name: bool) -> None:
    assert is_no_file_name(checked_pairs([caption])).tolist() == [not is_name]
