"""The type of a carried column: it holds every value, whatever stands first, and is the same for any order."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.sources.tables.json_values import lines_of
from pipeline.sources.tables.value_kinds import common_type, kinds_of, settled, settled_type

whole = st.integers(-9, 9) | st.integers(2**53 - 1, 2**53 + 3) | st.integers(-(2**63) - 1, 2**64 + 1)
columns = st.one_of(
    st.lists(st.none() | whole),
    st.lists(st.none() | st.floats()),
    st.lists(st.none() | st.integers(-9, 9) | st.floats()),
    st.lists(st.none() | st.booleans()),
    st.lists(st.none() | st.text(max_size=3)),
    st.lists(
        st.none() | whole | st.floats() | st.booleans() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
    ),
)


def carried(values: list[Any]) -> tuple[pa.DataType, list[Any]]:
    """Return the type of a JSON column of `values`, and what is carried."""
    column = lines_of("\n".join(json.dumps({"a": value}) for value in values).encode()).columns(["a"])["a"]
    kind = settled_type(int(np.bitwise_or.reduce(column.kinds, initial=0)))
    return kind, settled(column.texts, kind).to_pylist()


@given(columns)
@example([1, 0.75, "A7"])
@example([2**53 + 1, 0.5])
@example([2**63, -1])
@example([math.inf, -math.inf, math.nan, 1])
def test_every_value_is_carried(values: list[Any]) -> None:
    kind, found = carried(values)
    for value, got in zip(values, found, strict=True):
        if value is None or not pa.types.is_string(kind):
            same = got == value or (got != got and value != value)
            assert same
            assert isinstance(got, bool) == isinstance(value, bool)
        else:
            assert got == (value if isinstance(value, str) else json.dumps(value))
    assert carried(values[::-1])[0] == kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, None], pa.int64()),
        ([1, 0.75], pa.float64()),
        ([0.5, 2**53], pa.float64()),
        ([0.5, 2**53 + 1], pa.string()),
        ([2**63, 1], pa.uint64()),
        ([2**63, -1], pa.string()),
        ([2**64], pa.string()),
        ([True, False], pa.bool_()),
        ([True, 1], pa.string()),
        ([1, "A7"], pa.string()),
        (["2020-01-01", "2021-01-01"], pa.string()),
        ([[1], [2]], pa.string()),
        ([None], pa.string()),
        ([], pa.string()),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, list) else str(value),
)
def test_the_type_is_the_narrowest_that_holds_all(values: list[Any], expected: pa.DataType) -> None:
    assert carried(values)[0] == expected


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([pa.int32(), pa.int64()], pa.int64()),
        ([pa.uint8(), pa.uint16()], pa.uint16()),
        ([pa.uint32(), pa.int8()], pa.int64()),
        ([pa.int32(), pa.float32()], pa.float64()),
        ([pa.float32(), pa.float64()], pa.float64()),
        ([pa.int64(), pa.float64()], None),
        ([pa.int64(), pa.uint64()], None),
        ([pa.int64(), pa.string()], None),
        ([pa.bool_(), pa.int8()], None),
        ([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], pa.string()),
        ([pa.list_(pa.field("element", pa.float32())), pa.large_list(pa.float64())], pa.list_(pa.float64())),
        ([pa.list_(pa.int64()), pa.list_(pa.string())], None),
        ([pa.timestamp("us"), pa.timestamp("ns")], None),
        ([pa.null(), pa.date32()], pa.date32()),
        ([pa.null()], pa.string()),
    ],
    ids=lambda value: (
        "+".join(map(str, value)).replace(" ", "")[:80] if isinstance(value, list) else "to-" + str(value)
    ),
)
def test_types_of_files_join_where_nothing_is_lost(types: list[pa.DataType], expected: pa.DataType | None) -> None:
    assert common_type(types) == common_type(types[::-1]) == expected


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_kinds_of_typed_columns_are_those_of_json(values: list[int | None]) -> None:
    column = lines_of("\n".join(json.dumps({"a": value}) for value in values).encode()).columns(["a"])["a"]
    assert kinds_of(pa.array(values, pa.int64())) == int(np.bitwise_or.reduce(column.kinds))
