"""Bytes of an open file, read by a kernel itself: a call of Python's for each header would take longer than the header.

In: a file descriptor and a place. Out: the bytes there, in the caller's array.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

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
