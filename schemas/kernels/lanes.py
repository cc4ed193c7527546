"""What the kernels ask of the processor that numba has no word for: 64 bytes compared at once, unaligned loads,
bits counted, prefetches.

In: byte arrays and positions; callers see to it that `PADDING` bytes lie behind the last position. Out: integers.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 64
NUMBER_LANES = 16
PADDING = 2 * LANES
"""Bytes that must follow the last byte of a text: loads look beyond it, and mask what they see there."""

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Return a byte pointer to item `index` of a contiguous array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _BYTE.as_pointer())


def _splat(builder: Any, lanes: Any, value: Any) -> Any:
    """Return a vector of `value` in every lane."""
    undefined = ir.Constant(lanes, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes.count), None))


@intrinsic
def bytes_between(typing: Any, data: Any, index: Any, low: Any, count: Any) -> Any:
    """Return 64 bits: bit i tells whether ``low <= data[index + i] < low + count``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, first, span = arguments
        lanes = ir.VectorType(_BYTE, LANES)
        pointer = builder.bitcast(_address(context, builder, signature.args[0], array, at), lanes.as_pointer())
        loaded = builder.load(pointer)
        loaded.align = 1
        moved = builder.sub(loaded, _splat(builder, lanes, first))
        inside = builder.icmp_unsigned("<", moved, _splat(builder, lanes, span))
        return builder.bitcast(inside, _WORD)

    return types.uint64(data, types.intp, types.uint8, types.uint8), generate


@intrinsic
def bytes_equal(typing: Any, data: Any, index: Any, value: Any) -> Any:
    """Return 64 bits: bit i tells whether ``data[index + i] == value``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, wanted = arguments
        lanes = ir.VectorType(_BYTE, LANES)
        pointer = builder.bitcast(_address(context, builder, signature.args[0], array, at), lanes.as_pointer())
        loaded = builder.load(pointer)
        loaded.align = 1
        return builder.bitcast(builder.icmp_unsigned("==", loaded, _splat(builder, lanes, wanted)), _WORD)

    return types.uint64(data, types.intp, types.uint8), generate


@intrinsic
def load_word(typing: Any, data: Any, index: Any) -> Any:
    """Return the 8 bytes from ``data[index]`` on as a little-endian integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], *arguments)
        loaded = builder.load(builder.bitcast(pointer, _WORD.as_pointer()))
        loaded.align = 1
        return loaded

    return types.uint64(data, types.intp), generate


@intrinsic
def first_bit(typing: Any, bits: Any) -> Any:
    """Return the position of the lowest bit that is set, 64 when none is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of ``array[index]``, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], *arguments)
        flag = ir.IntType(32)
        signature_of = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, signature_of, "llvm.prefetch.p0")
        builder.call(function, [pointer, flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def bit_count(typing: Any, bits: Any) -> Any:
    """Return how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def numbers_below(typing: Any, numbers: Any, index: Any, value: Any) -> Any:
    """Return 16 bits: bit i tells whether the int32 ``numbers[index + i] < value``."""
    return types.uint64(numbers, types.intp, types.int32), _compare_numbers("<")


@intrinsic
def numbers_equal(typing: Any, numbers: Any, index: Any, value: Any) -> Any:
    """Return 16 bits: bit i tells whether the int32 ``numbers[index + i] == value``."""
    return types.uint64(numbers, types.intp, types.int32), _compare_numbers("==")


def _compare_numbers(how: str) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, value = arguments
        lanes = ir.VectorType(ir.IntType(32), NUMBER_LANES)
        pointer = builder.bitcast(_address(context, builder, signature.args[0], array, at), lanes.as_pointer())
        loaded = builder.load(pointer)
        loaded.align = 4
        bits = builder.bitcast(
            builder.icmp_signed(how, loaded, _splat(builder, lanes, value)), ir.IntType(NUMBER_LANES)
        )
        return builder.zext(bits, _WORD)

    return generate
