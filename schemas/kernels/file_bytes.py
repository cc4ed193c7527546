"""Bytes of an open file, read by a kernel itself.

In: a file descriptor and a place. Out: the bytes there, in the caller's array. Python's own call takes longer than a
header is looked at, and gives up its lock each time: with several threads at work, getting it back takes ten times as
long as a caption is read.
"""

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from schemas.kernels.compiled import kernel

_BYTE, _WORD, _INT = ir.IntType(8), ir.IntType(64), ir.IntType(32)


@intrinsic
def read_at(typing: Any, file: Any, buffer: Any, count: Any, offset: Any) -> Any:
    """Fill the uint8 array `buffer` with up to `count` bytes, no more than it has, from `offset` of a file on.

    Returns how many came (fewer at the file's end), -1 where reading failed: POSIX's pread.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        descriptor, array, wanted, at = arguments
        data = context.make_array(signature.args[1])(context, builder, array).data
        kind = ir.FunctionType(_WORD, [_INT, _BYTE.as_pointer(), _WORD, _WORD])
        function = cgutils.get_or_insert_function(builder.module, kind, "pread")
        return builder.call(function, [descriptor, builder.bitcast(data, _BYTE.as_pointer()), wanted, at])

    return types.int64(types.int32, buffer, types.int64, types.int64), generate


@kernel
def read_in_memory(file: Any, buffer: Any, offset: Any) -> Any:
    """Fill the uint8 array `buffer` from `offset` of a file on with what the system has in memory, Python's lock held.

    Returns how many bytes came; fewer than the array has, or -1, where the rest must be waited for or is not there, or
    where the file system cannot tell.
    """
    return _read_without_waiting(np.int32(file), buffer, np.int64(offset))


@intrinsic
def _read_without_waiting(typing: Any, file: Any, buffer: Any, offset: Any) -> Any:
    """Linux' preadv2 with RWF_NOWAIT, into one array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        descriptor, array, at = arguments
        made = context.make_array(signature.args[1])(context, builder, array)
        piece = cgutils.alloca_once(builder, ir.LiteralStructType([_BYTE.as_pointer(), _WORD]))
        builder.store(builder.bitcast(made.data, _BYTE.as_pointer()), cgutils.gep_inbounds(builder, piece, 0, 0))
        builder.store(made.nitems, cgutils.gep_inbounds(builder, piece, 0, 1))
        kind = ir.FunctionType(_WORD, [_INT, piece.type, _INT, _WORD, _INT])
        function = cgutils.get_or_insert_function(builder.module, kind, "preadv2")
        return builder.call(function, [descriptor, piece, _INT(1), at, _INT(os.RWF_NOWAIT)])

    return types.int64(types.int32, buffer, types.int64), generate
