"""The line search: on convex functions it ends at a good slope, where the function has not risen."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluate.probe.line_search import FALL, MAX_TRIALS, RISE, LineSearch


@given(st.floats(1e-4, 1e4), st.floats(1e-3, 1e3), st.sampled_from([1.0, 3.0]))
def test_the_step_found_has_a_good_slope(lowest: float, steepness: float, power: float) -> None:
    def slope(step: float) -> float:
        return math.copysign(steepness * abs(step - lowest) ** power, step - lowest)

    search, trials = LineSearch(slope(0)), 0
    while not search.is_done:
        search.tell(slope(search.step))
        trials += 1
    assert trials <= MAX_TRIALS + 1
    first = slope(0)
    assert FALL * first <= slope(search.step) <= -RISE * first or (trials > MAX_TRIALS and slope(search.step) <= 0)


@pytest.mark.parametrize("slope", [0.0, 1.0, float("nan")])
def test_where_nothing_falls_no_step_is_taken(slope: float) -> None:
    search = LineSearch(slope)
    assert (search.step, search.is_done) == (0.0, True)


def test_an_overflow_is_a_step_too_far() -> None:
    search = LineSearch(-1.0)
    search.tell(float("inf"))
    assert search.step == pytest.approx(0.1)


def test_a_slope_that_never_ends_falling_takes_the_longest_step_tried() -> None:
    search, last = LineSearch(-1.0), 0.0
    while not search.is_done:
        last = search.step
        search.tell(-2.0)
    assert search.step <= last
    assert search.step > 1
