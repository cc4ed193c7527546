"""Options of explain: what cannot be looked up is refused before anything is read."""

from typing import Any

import pytest

from pipeline.explain.config import ExplainConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected --candidates or --selection, found neither"),
        ({"candidates": "c", "pair": "ab"}, "pair must be 32 hex digits .*, found 'ab'"),
        ({"candidates": "c", "pair": "AB" * 16}, "pair must be 32 hex digits"),
        ({"candidates": "c", "pair": "ab" * 16 + "\n"}, "pair must be 32 hex digits"),
        ({"selection": "s", "pair": "ab" * 16}, "name them with --candidates"),
        ({"selection": "s", "url": "http://a/"}, "name them with --candidates"),
        ({"candidates": "c", "seed": -1}, "seed must be in"),
    ],
    ids=["nothing", "short", "capitals", "line end", "pair of a selection", "url of a selection", "of balance"],
)
def test_what_cannot_be_answered_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExplainConfig(**options)


def test_a_selection_may_be_asked_of_pairs_with_its_candidates() -> None:
    ExplainConfig(candidates="c", selection="s", pair="0123456789abcdef" * 2, url="http://a/")
