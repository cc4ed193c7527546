"""Columns of any table as the columns that raw pairs have: text, or another type; pure functions on Arrow arrays.

Each value is converted by itself: one that does not fit is null and changes nothing for its neighbours.
"""

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk, string_buffers


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as text; numbers are written out, other kinds null. Bytes are taken as they are, not checked."""
    found = _flat(column)
    if pa.types.is_large_binary(found.type):
        found = found.cast(pa.binary())
    if pa.types.is_binary(found.type):
        return found.view(pa.string())  # bytes that are no UTF-8 are told apart, row by row, by collect
    return as_type(found, pa.string())


def as_utf8(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as text; a value that is no UTF-8 is null."""
    found = as_text(column)
    try:
        found.validate(full=True)
    except pa.ArrowInvalid:
        raw = found.view(pa.binary()).to_pylist()
        found = pa.array([value if value is None or _is_utf8(value) else None for value in raw], pa.binary())
        return found.view(pa.string())
    return found


def as_type(column: pa.ChunkedArray | pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return a column cast to `wanted`; a value that does not fit is null."""
    found = _flat(column)
    if found.type == wanted:
        return found
    try:
        return found.cast(wanted)
    except pa.ArrowNotImplementedError:
        return pa.nulls(len(found), wanted)
    except pa.ArrowInvalid:
        codes = found.dictionary_encode()
        places = range(len(codes.dictionary))
        values = pa.array([_cast(codes.dictionary[place : place + 1], wanted) for place in places], wanted)
        return values.take(codes.indices)


def percent_decoded(column: pa.Array) -> pa.Array:
    """Return texts with ``+`` made a blank and ``%41`` the byte it stands for, as in a form sent by a browser."""
    data, offsets = string_buffers(column)
    out = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    ends = np.zeros(len(offsets), dtype=np.int32)
    size = _percent_decode(data, offsets, out, ends)
    validity = column.is_valid() if column.null_count else None
    bits = np.packbits(validity.to_numpy(zero_copy_only=False), bitorder="little") if validity is not None else None
    buffers = [None if bits is None else pa.py_buffer(bits), pa.py_buffer(ends), pa.py_buffer(out[:size])]
    return pa.Array.from_buffers(pa.string(), len(column), buffers)


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    found = one_chunk(column)
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks)
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def _cast(value: pa.Array, wanted: pa.DataType) -> object:
    try:
        return pc.cast(value, wanted)[0].as_py()
    except pa.ArrowInvalid:
        return None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _hex(byte):  # type: ignore[no-untyped-def]
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    return byte - 87 if 97 <= byte <= 102 else 255


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _percent_decode(data, offsets, out, ends):  # type: ignore[no-untyped-def]
    size = 0
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            byte = data[i]
            if byte == 43:
                byte = 32
            elif byte == 37 and i + 2 < end and _hex(data[i + 1]) < 16 and _hex(data[i + 2]) < 16:
                byte = np.uint8(16 * _hex(data[i + 1]) + _hex(data[i + 2]))
                i += 2
            out[size] = byte
            size += 1
            i += 1
        ends[row + 1] = size
    return size
