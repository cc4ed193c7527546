"""What is said of Arrow's types changes no value."""

import io

import numpy as np
import pyarrow as pa

from schemas.arrow_types import (
    arrow_file,
    buffer_of,
    buffers_of,
    decoded,
    list_array,
    schema_of,
    struct_array,
    value_type,
    values_of,
)

LISTS = pa.array([[1, 2], [], [3]], pa.list_(pa.int32()))
STRUCTS = pa.array([{"a": 1}, {"a": 2}])
WORDS = pa.array(["x", "y", "x"]).dictionary_encode()


def test_a_column_is_the_same_object() -> None:
    assert list_array(LISTS) is LISTS
    assert struct_array(STRUCTS) is STRUCTS


def test_a_dictionary_is_taken_away() -> None:
    assert decoded(WORDS).equals(pa.array(["x", "y", "x"]))


def test_values_of_one_array_or_of_chunks() -> None:
    assert values_of(LISTS) == values_of(pa.chunked_array([LISTS[:1], LISTS[1:]])) == [[1, 2], [], [3]]


def test_value_type_of_lists_and_dictionaries() -> None:
    assert value_type(LISTS.type) == pa.int32()
    assert value_type(WORDS.type) == pa.string()


def test_buffers_share_the_memory_of_the_numbers() -> None:
    numbers = np.arange(3, dtype=np.int64)
    array = pa.Array.from_buffers(pa.int64(), 3, [None, buffer_of(numbers)])
    numbers[1] = 7
    assert array.to_pylist() == [0, 7, 2]
    assert np.frombuffer(buffers_of(array)[1], dtype=np.int64).tolist() == [0, 7, 2]


def test_a_schema_keeps_fields_and_metadata() -> None:
    fields = [pa.field("a", pa.int8(), nullable=False), pa.field("b", pa.string())]
    assert schema_of(fields).equals(pa.schema(fields), check_metadata=True)
    assert schema_of(fields, {b"k": b"v"}).metadata == {b"k": b"v"}


def test_any_object_with_the_methods_of_a_file_is_one() -> None:
    class Bytes:
        closed = False
        found = b""

        def write(self, data: bytes) -> int:
            self.found += bytes(data)
            return len(data)

        def flush(self) -> None: ...

    sink = Bytes()
    arrow_file(sink, mode="w").write(b"abc")
    assert sink.found == b"abc"
    assert arrow_file(io.BytesIO(b"abc"), mode="r").read() == b"abc"
