"""Arrow's types where pyarrow-stubs know less than pyarrow does: what is narrowed or widened by hand, in one place.

In: values whose type the caller knows. Out: the same values, nothing is converted. What is said here is not checked at
run time.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy.typing as npt
import pyarrow as pa


def schema_of(fields: Iterable[pa.Field], metadata: Mapping[bytes, bytes] | None = None) -> pa.Schema:
    """Return the schema of `fields`, which may be of several types (to mypy a list of them is a list of objects)."""
    return pa.schema(fields, cast(Any, metadata))


def value_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a type of lists or of a dictionary."""
    return cast(pa.ListType, kind).value_type


def buffer_of(values: npt.NDArray[Any]) -> pa.Buffer:
    """Return the bytes of `values` as a buffer that keeps them alive (numpy's arrays say so from Python 3.12 on)."""
    return pa.py_buffer(cast(Any, values))


def buffers_of(array: pa.Array) -> list[Any]:
    """Return the buffers of `array`: each a `pa.Buffer`, which numpy reads, or None where it goes without."""
    return array.buffers()


def arrow_file(raw: Any, mode: str) -> pa.PythonFile:
    """Return `raw` as Arrow's file: any object with a file's methods, where the stubs ask for an `io.IOBase`."""
    return pa.PythonFile(raw, mode=cast(Any, mode))


def list_array(array: pa.Array) -> pa.ListArray:
    """Return a column of lists with the methods that only lists have."""
    return cast(pa.ListArray, array)


def struct_array(array: pa.Array) -> pa.StructArray:
    """Return a column of structs with the methods that only structs have."""
    return cast(pa.StructArray, array)


def decoded(array: pa.Array) -> pa.Array:
    """Return a column of a dictionary's values without the dictionary."""
    return cast(pa.DictionaryArray, array).dictionary_decode()


def values_of(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return the values of a column that holds no null (in those of `to_pylist` mypy sees a None)."""
    return column.to_pylist()
