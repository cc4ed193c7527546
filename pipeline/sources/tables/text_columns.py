"""Columns of any table as the columns that raw pairs have: text, or another type; pure functions on Arrow arrays.

Each value is converted by itself: one that does not fit is null and changes nothing for its neighbours.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import buffer_of, decoded
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.compiled import spliced, unlocked


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as text; numbers are written out, lists and members of columns as JSON.

    Bytes are taken as they are, not checked.
    """
    found = flat(column)
    kind = found.type
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        found = found.cast(pa.binary())
    if pa.types.is_binary(found.type):
        return found.view(pa.string())  # bytes that are no UTF-8 are told apart, row by row, by collect
    if pa.types.is_nested(kind):
        return pa.array([None if value is None else _json(value) for value in found.to_pylist()], pa.string())
    try:
        return found.cast(pa.string())
    except pa.ArrowNotImplementedError:  # intervals
        return pa.array([None if value is None else str(value) for value in found.to_pylist()], pa.string())


def as_utf8(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as text; a value that is no UTF-8 is null."""
    found = as_text(column)
    good = is_utf8(found)
    if good.all():
        return found
    return pc.if_else(pa.array(good), found.view(pa.binary()), pa.scalar(None, pa.binary())).view(pa.string())


def as_type(column: pa.ChunkedArray | pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return a column cast to `wanted`, which holds all values of its type (`value_kinds.common_type`)."""
    if pa.types.is_string(wanted):
        return as_utf8(column)
    found = flat(column)
    return found if found.type == wanted else found.cast(wanted)


def is_utf8(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """Tell which values of a text column are UTF-8; null is."""
    found = one_chunk(column)
    try:
        found.validate(full=True)
    except pa.ArrowInvalid:
        values = found.view(pa.binary()).to_pylist()
        return np.array([value is None or _is_utf8(value) for value in values], dtype=bool)
    return np.ones(len(found), dtype=bool)


def percent_decoded(column: pa.Array) -> pa.Array:
    """Return texts with ``+`` made a blank and ``%41`` the byte it stands for, as in a form sent by a browser."""
    data, offsets = string_buffers(column)
    out = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    ends = np.zeros(len(offsets), dtype=np.int32)
    size = _percent_decode(data, offsets, out, ends)
    validity = column.is_valid() if column.null_count else None
    bits = np.packbits(validity.to_numpy(zero_copy_only=False), bitorder="little") if validity is not None else None
    buffers = [None if bits is None else buffer_of(bits), buffer_of(ends), buffer_of(out[:size])]
    return pa.Array.from_buffers(pa.string(), len(column), buffers)


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array without a dictionary."""
    found = one_chunk(column)
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks)
    return decoded(found) if pa.types.is_dictionary(found.type) else found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@spliced
def _hex(byte):
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    return byte - 87 if 97 <= byte <= 102 else 255


@unlocked
def _percent_decode(data, offsets, out, ends):
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
