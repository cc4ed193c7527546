"""The table of sums by byte string against a dictionary."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from querygen.titles.title_table import MAX_SUM, TitleTable, title_buffers

PAIRS = st.lists(st.tuples(st.one_of(st.binary(max_size=3), st.binary(max_size=20)), st.integers(0, 1000)), max_size=60)


@given(PAIRS, st.integers(0, 60))
def test_sums_equal_a_dictionary(pairs: list[tuple[bytes, int]], cut: int) -> None:
    table = TitleTable()
    for some in (pairs[:cut], pairs[cut:]):
        data, offsets = title_buffers(pa.array([title for title, _ in some], pa.large_binary()))
        table.add_many(data, offsets, np.array([views for _, views in some], dtype=np.int64))
    expected: Counter[bytes] = Counter()
    for title, views in pairs:
        expected[title] += views
    titles, sums = (column.to_pylist() for column in table.to_arrow())
    assert list(zip(titles, sums, strict=True)) == list(expected.items())


def test_grows() -> None:
    table = TitleTable()
    titles = pa.array([b"%d" % number for number in range(100_000)], pa.large_binary())
    data, offsets = title_buffers(titles)
    for _ in range(2):
        table.add_many(data, offsets, np.arange(100_000))
    found, sums = table.to_arrow()
    assert found.equals(titles)
    assert sums.equals(pa.array(2 * np.arange(100_000)))


def test_sums_stop_at_the_largest() -> None:
    table = TitleTable()
    for _ in range(3):
        table.add_one(b"a", MAX_SUM - 1)
    assert table.to_arrow()[1].to_pylist() == [MAX_SUM]


def test_slices_of_arrow_arrays() -> None:
    data, offsets = title_buffers(pa.array(["a", "bc", "def", "g"]).slice(1, 2))
    assert [data[offsets[k] : offsets[k + 1]].tobytes() for k in range(2)] == [b"bc", b"def"]
