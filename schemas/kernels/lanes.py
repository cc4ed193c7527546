"""What the kernels ask of the processor that numba has no word for: 64 bytes compared at once, unaligned loads and
stores, bits counted, weighted sums of bytes, prefetches.

In: byte arrays and positions; callers see to it that `PADDING` bytes lie behind the last position. Out: integers.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 64
NUMBER_LANES = 16
WEIGHED_LANES = 32
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
def store_word(typing: Any, data: Any, index: Any, word: Any) -> Any:
    """Write `word` as the 8 bytes from ``data[index]`` on, little-endian."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(pointer, _WORD.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), generate


@intrinsic
def every_third(typing: Any, data: Any, index: Any, out: Any, at: Any) -> Any:
    """Write `WEIGHED_LANES` bytes from ``out[at]`` on: every third from ``data[index]`` on. Reads up to the last."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, begin, sink, place = arguments
        read = 3 * WEIGHED_LANES - 2
        wide, narrow = ir.VectorType(_BYTE, read), ir.VectorType(_BYTE, WEIGHED_LANES)
        pointer = builder.bitcast(_address(context, builder, signature.args[0], source, begin), wide.as_pointer())
        loaded = builder.load(pointer)
        loaded.align = 1
        chosen = ir.Constant(ir.VectorType(ir.IntType(32), WEIGHED_LANES), [3 * lane for lane in range(WEIGHED_LANES)])
        thirds = builder.shuffle_vector(loaded, ir.Constant(wide, ir.Undefined), chosen)
        pointer = builder.bitcast(_address(context, builder, signature.args[2], sink, place), narrow.as_pointer())
        builder.store(thirds, pointer, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, out, types.intp), generate


@intrinsic
def store_weighed(
    typing: Any, data: Any, index: Any, step: Any, weights: Any, first: Any, count: Any, out: Any, at: Any, start: Any,
    shift: Any,
) -> Any:  # fmt: skip
    """Write `WEIGHED_LANES` bytes from ``out[at]`` on: ``start + sum of weights[first + t] * data[index + t * step]``,
    t below `count`, shifted right by `shift` and held to 0 .. 255; sums and weights are int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, begin, stride, factors, factor, number, sink, place, first_sum, bits = arguments
        number_type = ir.IntType(32)
        lanes, narrow = ir.VectorType(number_type, WEIGHED_LANES), ir.VectorType(_BYTE, WEIGHED_LANES)
        total = cgutils.alloca_once_value(builder, _splat(builder, lanes, first_sum))
        with cgutils.for_range(builder, number) as loop:
            line = builder.add(begin, builder.mul(loop.index, stride))
            loaded = builder.load(
                builder.bitcast(_address(context, builder, signature.args[0], source, line), narrow.as_pointer())
            )
            loaded.align = 1
            weight_at = builder.add(factor, loop.index)
            weight_bytes = _address(context, builder, signature.args[3], factors, weight_at)
            weight = builder.load(builder.bitcast(weight_bytes, number_type.as_pointer()))
            weight.align = 4
            product = builder.mul(builder.zext(loaded, lanes), _splat(builder, lanes, weight))
            builder.store(builder.add(builder.load(total), product), total)
        shifted = builder.ashr(builder.load(total), _splat(builder, lanes, bits))
        for bound, beyond in ((0, "<"), (255, ">")):
            limit = ir.Constant(lanes, [bound] * WEIGHED_LANES)
            shifted = builder.select(builder.icmp_signed(beyond, shifted, limit), limit, shifted)
        pointer = builder.bitcast(_address(context, builder, signature.args[6], sink, place), narrow.as_pointer())
        builder.store(builder.trunc(shifted, narrow), pointer, align=1)
        return context.get_dummy_value()

    signature = types.void(
        data, types.intp, types.intp, weights, types.intp, types.intp, out, types.intp, types.int32, types.int32
    )
    return signature, generate


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
