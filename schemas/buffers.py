"""Views of Arrow arrays as numpy arrays, and back, without a Python object per row."""

from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import buffer_of, buffers_of

ID_BYTES = 16
ID = pa.binary(ID_BYTES)
"""Arrow type of image_id and pair_id: 128 bits."""


def one_chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return `column` as a single Arrow array (no copy when it has one chunk)."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else cast(pa.Array, column.chunk(0))
    return column


def string_buffers(column: pa.ChunkedArray | pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (bytes, offsets[rows + 1]) of a string or binary column; a null row is empty."""
    array = one_chunk(column)
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    if not large and not pa.types.is_string(array.type) and not pa.types.is_binary(array.type):
        raise TypeError(f"expected a string or binary column, found {array.type}")
    if array.null_count:
        array = array.fill_null(b"" if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type) else "")
    if len(array) == 0:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    _, offset_buffer, data_buffer = buffers_of(array)
    offset_type = np.int64 if large else np.int32
    offsets = np.frombuffer(offset_buffer, dtype=offset_type)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.zeros(0, dtype=np.uint8)
    return data, offsets.astype(np.int64)


def strings(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> pa.Array:
    """Return a string array over (bytes, offsets); the inverse of `string_buffers`.

    Raises OverflowError when the bytes do not fit 32-bit offsets (tables are bounded to MiB, see design).
    """
    if len(data) > np.iinfo(np.int32).max:
        raise OverflowError(f"a string column holds at most 2 GiB, found {len(data)} bytes")
    buffers = [None, buffer_of(offsets.astype(np.int32)), buffer_of(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def ids_from_words(words: npt.NDArray[np.uint64]) -> pa.Array:
    """Return shape ``[rows, 2]`` digest words as a 128-bit id column."""
    if words.ndim != 2 or words.shape[1] != 2:
        raise ValueError(f"expected shape [rows, 2], found {words.shape}")
    contiguous = np.ascontiguousarray(words.astype("<u8", copy=False))
    return pa.Array.from_buffers(ID, len(contiguous), [None, buffer_of(contiguous)])


def words_from_ids(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.uint64]:
    """Return a 128-bit id column as shape ``[rows, 2]`` little-endian words (the bytes of each id in order)."""
    array = one_chunk(column)
    if array.type != ID:
        raise TypeError(f"expected {ID}, found {array.type}")
    if array.null_count:
        raise ValueError("an id column has no nulls")
    if len(array) == 0:
        return np.zeros((0, 2), dtype=np.uint64)
    whole = np.frombuffer(buffers_of(array)[1], dtype="<u8")
    return whole[2 * array.offset : 2 * (array.offset + len(array))].reshape(-1, 2)


def sortable_ids(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.uint64]:
    """Return ids as shape ``[rows, 2]`` native words whose (high, low) order is the order of their bytes."""
    return words_from_ids(column).byteswap()


def hex_of_ids(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return ids in hex, as the keys of images are: 32 digits each."""
    digits = np.frombuffer(words_from_ids(column).tobytes().hex().encode(), dtype=np.uint8)
    return strings(digits, np.arange(len(column) + 1, dtype=np.int64) * 32)
