"""A drawing is an element that shows its label and takes the page's colours; ranks at steps of their logarithm."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.svg_chart import ON_ANY_PAGE, log_ranks, short_number, svg


def draw(axes: Any) -> None:
    axes.plot([1, 2], [3, 4], label="what is drawn")


def test_a_drawing_is_an_element_with_its_label_and_the_same_again() -> None:
    label = 'a "label" <script>'
    made = svg(draw, label)
    assert made == svg(draw, label)
    assert ElementTree.fromstring(made).attrib["aria-label"] == label
    assert "what is drawn" in made
    assert "<!DOCTYPE" not in made


def test_a_drawing_for_any_page_names_no_colour_of_text_or_grid() -> None:
    made = svg(draw, "l", style=ON_ANY_PAGE)
    assert "currentColor" in made
    assert "var(--line)" in made
    assert "#010203" not in made
    assert "#e4e4e4" not in made


def test_thousands_are_short() -> None:
    assert [short_number(value) for value in (2e9, 3e6, 4500, 5, 0.5)] == ["2G", "3M", "4.5k", "5", "0.5"]


@given(st.integers(0, 10**8))
def test_ranks_of_a_curve(num: int) -> None:
    ranks = log_ranks(num)
    if num:
        assert (ranks[0], ranks[-1]) == (1, num)
        assert (np.diff(ranks) > 0).all()
        assert len(ranks) <= 330
    else:
        assert len(ranks) == 0
