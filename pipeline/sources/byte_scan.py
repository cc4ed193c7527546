"""Finding bytes eight at a time, for the compiled scanners of crawl records.

In: a uint8 array with at least `PADDING` bytes after the scanned end, a position. Out: the position of the next byte
that is one of two. Words are read little-endian: the byte of lowest address is the lowest.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from schemas.compiled import inlined, leaf

PADDING = 64
"""Bytes that must lie, allocated, after the end of what is scanned."""

_ONES = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)


@intrinsic  # type: ignore[untyped-decorator]
def load_word(typing_context: Any, data: Any, position: Any) -> Any:
    """Load eight bytes, little-endian, from any position: numpy has no unaligned view of a moving one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def byte_mask(typing_context: Any, data: Any, position: Any, byte: Any) -> Any:
    """Return which of the 64 bytes at `position` are `byte`, a constant: the lowest bit is the first byte."""
    if not isinstance(byte, types.IntegerLiteral):
        return None
    value = byte.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        lanes = ir.VectorType(ir.IntType(8), 64)
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), lanes.as_pointer())
        wanted = ir.Constant(lanes, [ir.Constant(ir.IntType(8), value)] * 64)
        equal = builder.icmp_unsigned("==", builder.load(address, align=1), wanted)
        return builder.bitcast(equal, ir.IntType(64))

    return types.uint64(data, types.int64, byte), generate


@intrinsic  # type: ignore[untyped-decorator]
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return the number of the lowest set bit, 64 when there is none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64), ir.IntType(1)])
        count = builder.module.declare_intrinsic("llvm.cttz", [ir.IntType(64)], kind)
        return builder.call(count, [arguments[0], ir.Constant(ir.IntType(1), 0)])

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def count_bits(typing_context: Any, word: Any) -> Any:
    """Return how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64)])
        return builder.call(builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)], kind), arguments)

    return types.int64(types.uint64), generate


@inlined
def _zero_bytes(word):  # type: ignore[no-untyped-def]
    """Return a word whose lowest set bit lies in the first zero byte of `word`; 0 when there is none."""
    return (word - _ONES) & ~word & _HIGH_BITS


@leaf
def find_either(data, position, end, first, second):  # type: ignore[no-untyped-def]
    """Return the position of the next byte that is `first` or `second`, `end` when there is none before it."""
    first_word = np.uint64(first) * _ONES
    second_word = np.uint64(second) * _ONES
    while position < end:
        word = load_word(data, position)
        found = _zero_bytes(word ^ first_word) | _zero_bytes(word ^ second_word)
        if found != np.uint64(0):
            return min(position + (trailing_zeros(found) >> 3), end)
        position += 8
    return end


@leaf
def copy_bytes(data, begin, end, out, position):  # type: ignore[no-untyped-def]
    """Copy ``data[begin:end]`` to ``out[position:]``; return the end. The two do not overlap."""
    for i in range(end - begin):
        out[position + i] = data[begin + i]
    return position + end - begin


@leaf
def is_at(data, position, end, text):  # type: ignore[no-untyped-def]
    """Tell whether the bytes `text` stand at `position`."""
    if position + len(text) > end:
        return False
    for i in range(len(text)):  # noqa: SIM110 (numba compiles no generator)
        if data[position + i] != text[i]:
            return False
    return True


@leaf
def is_at_any_case(data, position, end, text):  # type: ignore[no-untyped-def]
    """Tell whether the lower-case ASCII bytes `text` stand at `position` in any case."""
    if position + len(text) > end:
        return False
    for i in range(len(text)):
        byte = data[position + i]
        if byte != text[i] and not (65 <= byte <= 90 and byte + 32 == text[i]):
            return False
    return True


@leaf
def trim(data, begin, end):  # type: ignore[no-untyped-def]
    """Return (begin, end) without white space and control characters around."""
    while begin < end and data[begin] <= 32:
        begin += 1
    while begin < end and data[end - 1] <= 32:
        end -= 1
    return begin, end


@leaf
def has_word(data, begin, end, word):  # type: ignore[no-untyped-def]
    """Tell whether `word` is one of the words of a text."""
    i = begin
    while i + len(word) <= end:
        if is_at_any_case(data, i, end, word):
            after = i + len(word)
            if (i == begin or data[i - 1] <= 32) and (after == end or data[after] <= 32):
                return True
        i += 1
    return False
