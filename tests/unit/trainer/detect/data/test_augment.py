"""Views of an image: inside it, large enough, the same for the same draw; what they leave of boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.detect.data.augment import draw_view, is_seen, mirrored


@given(st.integers(0, 1000), st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.1, 0.6, 1.0]))
def test_a_view_lies_inside_and_shows_enough(seed: int, width: int, height: int, least: float) -> None:
    drawn = draw_view(np.random.default_rng(seed), width, height, least, mirrors=True)
    left, top, right, bottom = drawn.part
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (right - left) * (bottom - top) >= least * width * height
    assert drawn == draw_view(np.random.default_rng(seed), width, height, least, mirrors=True)
    assert not draw_view(np.random.default_rng(seed), width, height, least, mirrors=False).is_mirrored


def test_views_differ_and_half_are_mirrored() -> None:
    views = [draw_view(np.random.default_rng(seed), 200, 100, 0.5, mirrors=True) for seed in range(200)]
    assert len({view.part for view in views}) > 150
    assert 70 < sum(view.is_mirrored for view in views) < 130


def test_boxes_with_enough_inside_are_seen() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [8, 8, 12, 12], [12, 12, 20, 20], [-7, 0, 3, 10], [-7.5, 0, 2.5, 10]])
    assert is_seen(boxes, (0, 0, 10, 10)).tolist() == [True, False, False, True, False]


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=1, max_size=5))
def test_mirroring_twice_changes_nothing(edges: list[tuple[int, ...]]) -> None:
    boxes = np.array([[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in edges], dtype=float)
    once = mirrored(boxes, 50)
    assert (once[:, 2:] >= once[:, :2]).all()
    assert np.array_equal(mirrored(once, 50), boxes)
