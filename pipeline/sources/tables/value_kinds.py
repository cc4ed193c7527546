"""The type of a carried column, whatever files and lines it comes from: kinds of values in, one Arrow type out.

A column whose type the files do not tell for sure, or not alike, is *open*: its values go on as plain text (a text as
it is, a number as it stands, lists and objects as JSON), and which kinds there were is noted, a bit for each. When all
is read, the kinds decide; only then the texts become numbers. So the type does not depend on which file or line comes
first, and nothing is lost:

    1  2  3          whole numbers   int64        1  2  0.5     double, if it holds every whole number exactly
    true  false      bool            1  "A7"      text: "1", "A7"
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import value_type

NOTHING = 0
"""Missing, or null."""
BOOL, INT, UINT, BIG, NEGATIVE, INEXACT, FLOAT, HUGE, TEXT, LIST, OBJECT = (1 << bit for bit in range(11))
"""INT fits 64 bits with sign, UINT only without, BIG neither. Of whole numbers also NEGATIVE, and INEXACT: 64-bit
floating point does not hold it. HUGE is a FLOAT out of the range of that."""

_EXACT = 1 << 53


def settled_type(kinds: int) -> pa.DataType:
    """Return the type of a column with values of `kinds`; text where no other type holds them all."""
    if kinds == BOOL:
        return pa.bool_()
    if kinds == NOTHING or kinds & (BOOL | TEXT | LIST | OBJECT | BIG | HUGE):
        return pa.string()
    if kinds & FLOAT:
        return pa.string() if kinds & (INEXACT | UINT) else pa.float64()
    if kinds & UINT:
        return pa.string() if kinds & NEGATIVE else pa.uint64()
    return pa.int64()


def settled(texts: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return an open column in the type that its kinds settled on."""
    if pa.types.is_floating(wanted):  # JSON as Python and JavaScript programs write it has NaN and Infinity
        return pc.replace_substring_regex(texts, "^(-?)Infinity$", r"\1inf").cast(wanted)
    return texts.cast(wanted)


def common_type(types: Iterable[pa.DataType]) -> pa.DataType | None:
    """Return the type that holds every value of columns of `types` exactly, None when the values have to tell.

    Of no type, and of nulls alone: text.
    """
    found = {plain_type(kind) for kind in types if not pa.types.is_null(kind)}
    if len(found) <= 1:
        return found.pop() if found else pa.string()
    if all(pa.types.is_list(kind) for kind in found):
        values = common_type(value_type(kind) for kind in found)
        return None if values is None else pa.list_(values)
    if all(pa.types.is_signed_integer(kind) for kind in found) or all(
        pa.types.is_unsigned_integer(kind) for kind in found
    ):
        return max(found, key=lambda kind: int(kind.bit_width))
    if all(_is_exact_in_double(kind) for kind in found):
        integers = all(pa.types.is_integer(kind) for kind in found)
        return pa.int64() if integers else pa.float64()
    return None


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type for the values of `kind` however they are stored: one for texts, one for bytes, one for lists."""
    if pa.types.is_dictionary(kind):
        return plain_type(value_type(kind))
    if is_any_list(kind):
        return pa.list_(plain_type(value_type(kind)))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) else kind


def is_any_list(kind: pa.DataType) -> bool:
    """Tell whether `kind` is one of Arrow's lists."""
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(test(kind) for test in tests) or pa.types.is_large_list_view(kind)


def _is_exact_in_double(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or (pa.types.is_integer(kind) and kind.bit_width <= 32)


def kinds_of(column: pa.Array) -> int:
    """Return the kinds of the values of a typed column; 0 when all are null."""
    if column.null_count == len(column):
        return NOTHING
    kind = column.type
    if pa.types.is_boolean(kind):
        return BOOL
    if pa.types.is_floating(kind):
        return FLOAT
    if pa.types.is_integer(kind):
        return _kinds_of_integers(column)
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return OBJECT
    return LIST if pa.types.is_nested(kind) else TEXT


def _kinds_of_integers(column: pa.Array) -> int:
    least, greatest = (pc.min_max(column)[name].as_py() for name in ("min", "max"))
    kinds = UINT if greatest >= 1 << 63 else INT
    kinds |= NEGATIVE if least < 0 else 0
    if max(-least, greatest) > _EXACT:
        values = np.abs(column.drop_null().to_numpy(zero_copy_only=False)).astype(np.uint64)
        values = values[values > _EXACT]
        kinds |= INEXACT if (values // (values & (~values + np.uint64(1))) >= _EXACT).any() else 0
    return kinds
