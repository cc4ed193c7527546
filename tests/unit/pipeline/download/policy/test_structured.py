"""Dictionaries of RFC 9651: what is read of them, and that nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.policy.structured import MAX_CHARACTERS, dictionary_tokens


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("train-ai=n", {"train-ai": "n"}),
        ("train-ai=n, search=y", {"train-ai": "n", "search": "y"}),
        ("train-ai=y,\ttrain-ai=n", {"train-ai": "n"}),  # the last one holds (4.2.2)
        ("  train-ai=n  ", {"train-ai": "n"}),
        ("train-ai=N", {"train-ai": "N"}),
        ("train-ai", {"train-ai": None}),  # true
        ("train-ai=?0", {"train-ai": None}),
        ('train-ai="n"', {"train-ai": None}),
        ("train-ai=(n y)", {"train-ai": None}),
        ("train-ai=1", {"train-ai": None}),
        ("train-ai=n;x=1;y", {"train-ai": "n"}),
        ("train-ai=n; x", {"train-ai": "n"}),
        ("", {}),
    ],
    ids=map(str, range(13)),
)
def test_members_have_their_tokens(text: str, wanted: dict[str, str | None]) -> None:
    assert dictionary_tokens(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["train-ai=n,", ",", "Train-AI=n", "train-ai =n", "train-ai= n", "train-ai=n search=y", "train-ai=", "=n", "1=n",
     "train-ai=n;", 'train-ai="n', "train-ai=(n", "train-ai=\u00e9", "train-ai=n\n"],
    ids=map(str, range(14)),
)  # fmt: skip
def test_what_is_no_dictionary_is_none_as_a_whole(text: str) -> None:
    assert dictionary_tokens(text) is None


def test_a_field_that_is_too_long_is_none() -> None:
    assert dictionary_tokens("a=n, " * MAX_CHARACTERS + "a=n") is None


@given(st.text(max_size=200) | st.text(alphabet='atn-=;,"( )?:%@1 \t\\', max_size=200))
def test_any_text_is_read_or_none(text: str) -> None:
    found = dictionary_tokens(text)
    assert found is None or all(isinstance(key, str) for key in found)
