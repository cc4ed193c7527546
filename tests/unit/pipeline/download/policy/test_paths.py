"""Patterns of paths: RFC 9309's wildcards and lengths, against a plain matcher."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.policy.paths import is_match, longest, normal_path


def plain_match(pattern: str, path: str) -> bool:
    is_whole = pattern.endswith("$")
    body = pattern[:-1] if is_whole else pattern
    expression = ".*".join(re.escape(part) for part in body.split("*")) + (r"\Z" if is_whole else "")
    return re.match(expression, path, re.DOTALL) is not None


@given(st.text(alphabet="/ab*$", max_size=8), st.text(alphabet="/ab", max_size=8))
def test_it_matches_as_a_plain_matcher_does(pattern: str, path: str) -> None:
    if "$" not in pattern[:-1]:
        assert is_match(pattern, path) == plain_match(pattern, path)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/a%7Eb", "/a~b"), ("/a%2fb", "/a%2Fb"), ("/caf%c3%a9", "/caf%C3%A9"), ("/a%zz", "/a%zz"), ("/a?b=1", "/a?b=1")],
)
def test_paths_are_compared_in_one_form(path: str, wanted: str) -> None:
    assert normal_path(path) == wanted
    assert normal_path(wanted) == wanted
    assert normal_path("/caf\u00e9") == "/caf%C3%A9"


def test_the_longest_patterns_hold_all_of_one_length() -> None:
    rules = [("/", 1), ("/img", 2), ("/i*g", 3), ("/img/private", 4), ("/img$", 5)]
    assert longest(rules, "/img/a.jpg") == [2, 3]
    assert longest(rules, "/img/private/a.jpg") == [4]
    assert longest(rules, "/img") == [5]
    assert longest(rules, "/other") == [1]
    assert longest([], "/") == []
