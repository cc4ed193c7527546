"""Elements: cut within the bound whatever the sizes of the rows, whole together, and no larger once they are coded."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shuffle import elements as tables
from pipeline.shuffle.elements import MAX_ELEMENT_BYTES, MAX_ELEMENT_ROWS, ArrowTableCoder, bounded

HEADER_BYTES = 4096
"""Of a coded table: its schema, the lengths of its buffers, their padding."""


def table_of(sizes: list[int]) -> pa.Table:
    """Return a table with text, lists and structs of the given sizes."""
    return pa.table({
        "caption": ["c" * size for size in sizes],
        "query_ids": pa.array([list(range(size // 8)) for size in sizes], pa.list_(pa.int32())),
        "extra": pa.array([{"score": 0.5, "text": "e" * (size // 3)} for size in sizes]),
    })  # fmt: skip


@settings(max_examples=50)
@given(st.lists(st.sampled_from([0, 1, 40, 300, 2_000, 9_000]), max_size=60), st.integers(0, 5))
def test_elements_are_within_the_bound_and_together_the_table(sizes: list[int], first: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MAX_ELEMENT_BYTES", 8_000)
        patch.setattr(tables, "MAX_ELEMENT_ROWS", 7)
        table = table_of(sizes).slice(first)  # with offsets into buffers, as cut tables have them
        pieces = list(bounded(table))
    for piece in pieces:
        assert 1 <= len(piece) <= 7
        assert piece.nbytes <= 8_000 or len(piece) == 1
    assert pa.concat_tables([table.slice(0, 0), *pieces]).equals(table.combine_chunks())


@pytest.mark.parametrize(("size", "rows"), [(100, 60_000), (100_000, 100)])
def test_a_coded_element_is_no_larger_than_its_bound(size: int, rows: int) -> None:
    choose = random.Random(5)
    table = pa.table({"caption": [choose.randbytes(size) for _ in range(rows)], "number": range(rows)})
    sizes = [len(ArrowTableCoder().encode(piece)) for piece in bounded(table)]
    assert max(sizes) <= MAX_ELEMENT_BYTES + HEADER_BYTES
    assert len(sizes) <= 1 + size * rows * 5 // (3 * MAX_ELEMENT_BYTES) + rows // MAX_ELEMENT_ROWS  # and not crumbs
