"""Gathered strings against Python's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kernels.byte_copy import copy_bytes, gathered
from schemas.kernels.compiled import leaf


@leaf
def copied(data, begin, end, out, position):  # type: ignore[no-untyped-def]
    return copy_bytes(data, begin, end, out, position)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20), st.data())
def test_strings_are_gathered_in_the_order_asked_for(strings: list[bytes], choice: st.DataObject) -> None:
    data = np.frombuffer(b"".join(strings), dtype=np.uint8)
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    begins = ends - np.array([len(string) for string in strings], dtype=np.int64)
    rows = choice.draw(st.lists(st.integers(0, len(strings) - 1), max_size=30) if strings else st.just([]))
    order = np.array(rows, dtype=np.int64)
    offsets, found = gathered(data, begins[order], ends[order])
    assert found.tobytes() == b"".join(strings[row] for row in rows)
    assert np.diff(offsets).tolist() == [len(strings[row]) for row in rows]


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 10))
def test_a_copy_touches_nothing_else(begin: int, end: int, position: int) -> None:
    data = np.arange(40, dtype=np.uint8)
    out = np.full(60, 255, dtype=np.uint8)
    stop = copied(data, begin, end, out, position)
    size = max(0, end - begin)
    assert stop == position + size
    assert out.tolist() == [255] * position + list(range(begin, begin + size)) + [255] * (60 - stop)
