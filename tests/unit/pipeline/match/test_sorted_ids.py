"""A text's matches come sorted, each once, few or many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.match.sorted_ids import put_sorted
from schemas.kernels.lanes import NUMBER_LANES

FEW = st.lists(st.integers(0, 9) | st.integers(0, 2**31 - 1), max_size=2 * NUMBER_LANES)
MANY = st.lists(st.integers(0, 50), min_size=2 * NUMBER_LANES + 1, max_size=80)


@given(FEW | MANY, st.integers(0, 3), st.integers(0, 3))
def test_they_are_those_of_a_set(ids: list[int], begin: int, written: int) -> None:
    room = 3 * NUMBER_LANES
    found = np.concatenate([np.full(begin, 7), ids, np.zeros(room)]).astype(np.int32)
    out = np.full(written + len(ids) + room, -1, dtype=np.int32)
    end = put_sorted(found, begin, begin + len(ids), out, written)
    assert out[written:end].tolist() == sorted(set(ids))
    assert (out[:written] == -1).all()
