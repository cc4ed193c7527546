"""Samples of images: of any size, the same at each call, one within the other."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.recheck.plan import draw_images
from schemas.identity import image_ids

IDS = image_ids(pa.array([f"http://host/{number}" for number in range(300)]))


def drawn(num: int, seed: int = 0, cuts: tuple[int, ...] = ()) -> set[bytes]:
    ends = [0, *sorted(cuts), len(IDS)]
    parts = (IDS[begin:end] for begin, end in pairwise(ends))
    return set(IDS.filter(pa.array(draw_images(parts, num, seed).takes(IDS))).to_pylist())


@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.integers(0, 300), max_size=4))
def test_a_sample_is_held_by_a_larger_one_however_the_folder_is_cut(few: int, more: int, cuts: list[int]) -> None:
    few, more = sorted((few, more))
    assert drawn(few, cuts=tuple(cuts)) <= drawn(more)
    assert len(drawn(few, cuts=tuple(cuts))) == few


def test_none_is_all_more_than_there_are_is_all_and_seeds_differ() -> None:
    assert len(drawn(0)) == len(drawn(1000)) == 300
    assert drawn(50) != drawn(50, seed=1)


def test_nothing_is_drawn_of_nothing() -> None:
    assert not draw_images(iter([IDS[:0]]), 3, 0).takes(IDS[:0]).any()
    assert np.array_equal(draw_images(iter([IDS[:0]]), 3, 0).takes(IDS[:2]), [True, True])
