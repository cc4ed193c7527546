"""Non-maximum suppression in time against a plain search, and times as players show them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.video.moments import best_moments, clock

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 2)), max_size=40)
"""Score, time in quarters of a second, video: equal ones are common."""


def by_search(rows: list[tuple[int, int, int]], num: int, apart: int) -> list[int]:
    """Take rows by descending score, then by place; each unless one that was taken is near."""
    taken: list[int] = []
    for row in sorted(range(len(rows)), key=lambda row: (-rows[row][0], row)):
        _, time, video = rows[row]
        if all(rows[other][2] != video or abs(rows[other][1] - time) >= apart for other in taken):
            taken.append(row)
    return taken[:num]


@given(ROWS, st.integers(1, 12), st.integers(0, 12))
def test_equal_to_a_plain_search(rows: list[tuple[int, int, int]], num: int, apart: int) -> None:
    scores, times, videos = (np.array([row[place] for row in rows]) for place in range(3))
    found = best_moments(scores / 8.0, times / 4.0, videos.astype(np.int64), num=num, apart_s=apart / 4.0)
    assert found == by_search(rows, num, apart)


def test_neighbours_of_the_same_second_do_not_fill_the_list() -> None:
    times = np.arange(100) / 10.0
    scores = 1 - np.abs(times - 5.0) / 10
    found = best_moments(scores, times, np.zeros(100, dtype=np.int64), num=3, apart_s=2.0)
    assert times[found].tolist() == [5.0, 3.0, 7.0]


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [
        (0.0, "0:00:00.000"), (0.04, "0:00:00.040"), (1 / 3, "0:00:00.334"), (59.9996, "0:01:00.000"),
        (3_723.5, "1:02:03.500"), (36_000.001, "10:00:00.001"), (-0.02, "0:00:00.000"),
    ],
    ids=["begin", "frame", "third", "minute", "hours", "tens", "before"],
)  # fmt: skip
def test_a_player_that_goes_there_shows_the_frame(time_s: float, shown: str) -> None:
    assert clock(time_s) == shown
