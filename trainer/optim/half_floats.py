"""bfloat16 in compiled kernels: arrays of float32, or of bfloat16's bits as uint16, read and written alike as float32.

bfloat16 is the upper half of float32. Rounding adds to the lower half, and what overflows moves the upper one:

    nearest, ties to even     + 0x7FFF + lowest bit kept
    stochastic                + 16 random bits: up as often as the lower half says, so the mean of many is the value

Both act on magnitudes, so negative numbers round alike. Infinities stay what they are, and so does the NaN that CPUs
make, whose lower half is 0; a choice for other NaNs would cost a sixth of AdamW's time, whose step is skipped then.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_FLOAT, _BITS, _HALF = ir.FloatType(), ir.IntType(32), ir.IntType(16)


@intrinsic
def load_float(typing: Any, array: Any, index: Any) -> Any:
    """Return item `index` as float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = builder.load(_pointer(context, builder, signature, arguments))
        if _is_float(array):
            return loaded
        return builder.bitcast(builder.shl(builder.zext(loaded, _BITS), _BITS(16)), _FLOAT)

    return types.float32(array, types.intp), generate


@intrinsic
def store_nearest(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Set item `index` to the float32 `value`, rounded to nearest where it is half."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments[:2])
        if _is_float(array):
            builder.store(arguments[2], pointer)
        else:
            bits = builder.bitcast(arguments[2], _BITS)
            kept = builder.and_(builder.lshr(bits, _BITS(16)), _BITS(1))
            _store_half(builder, pointer, bits, builder.add(kept, _BITS(0x7FFF)))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.float32), generate


@intrinsic
def store_stochastic(typing: Any, array: Any, index: Any, value: Any, draw: Any) -> Any:
    """Set item `index` to the float32 `value`, rounded by the lower 16 bits of the uint64 `draw` where it is half."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments[:2])
        if _is_float(array):
            builder.store(arguments[2], pointer)
        else:
            added = builder.and_(builder.trunc(arguments[3], _BITS), _BITS(0xFFFF))
            _store_half(builder, pointer, builder.bitcast(arguments[2], _BITS), added)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.float32, types.uint64), generate


def _is_float(array: Any) -> bool:
    assert array.dtype in (types.float32, types.uint16), array
    return bool(array.dtype == types.float32)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array, index = arguments
    return builder.gep(context.make_array(signature.args[0])(context, builder, array).data, [index])


def _store_half(builder: Any, pointer: Any, bits: Any, added: Any) -> None:
    """Store the upper half of ``bits + added``."""
    builder.store(builder.trunc(builder.lshr(builder.add(bits, added), _BITS(16)), _HALF), pointer)
