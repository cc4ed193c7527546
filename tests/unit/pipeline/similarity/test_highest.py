"""The k-th highest number, against a sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.similarity.highest import kth_highest

NUMBERS = st.lists(st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 0.5, -1.0]), min_size=1, max_size=40)


@given(numbers=NUMBERS, cut=st.integers(0, 40), data=st.data())
def test_as_a_sort_has_it(numbers: list[float], cut: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(numbers)))
    values = np.array(numbers)
    assert kth_highest(lambda: [values[:cut], values[cut:]], k) == sorted(numbers, reverse=True)[k - 1]


def test_more_than_there_are_is_told() -> None:
    with pytest.raises(ValueError, match="expected at least 3 numbers, found 2"):
        kth_highest(lambda: [np.array([1.0, 2.0])], 3)
