"""libdeflate's gzip decompressor for compiled code: it takes 0.7 of the time of ISA-L's, 0.4 of zlib's.

In: a gzip member somewhere in one array, room in another. Out: a status and how many bytes were read and written. The
library is the one in the `deflate` package; its Python functions can say neither where a member ends nor write into
room of the caller's, so the C function (https://github.com/ebiggers/libdeflate, libdeflate.h) is called by its address.

From a compiled loop, because members are small: of a WAT file of members of 6.6 kB the image links were extracted at
514 MB/s a core, at 446 with a loop in Python and a call by `ctypes` for each member, at 265 with ISA-L alone (medians
of 5 with the file of `tests/bench/bench_extract.py`, 100 MB).
"""

import ctypes
from typing import Any

from deflate import _deflate
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

DONE, DAMAGED, _SHORT, NO_ROOM = range(4)
"""Status of `gunzip`: libdeflate's ``enum libdeflate_result``."""

_ADDRESS = ir.IntType(64)


class Decompressor:
    """The addresses of a decompressor and of the function that uses it, of one thread of this process."""

    def __init__(self) -> None:
        library = ctypes.CDLL(_deflate.__file__)
        library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
        self._free = library.libdeflate_free_decompressor
        self._free.argtypes = [ctypes.c_void_p]
        self.function = ctypes.cast(library.libdeflate_gzip_decompress_ex, ctypes.c_void_p).value
        self.state = library.libdeflate_alloc_decompressor()
        if not self.state:
            raise MemoryError("libdeflate has no memory for a decompressor")

    def __del__(self) -> None:
        if getattr(self, "state", None):
            self._free(self.state)


@intrinsic
def gunzip(
    typing_context: Any, function: Any, state: Any, data: Any, begin: Any, size: Any, out: Any, start: Any, room: Any,
    lengths: Any,
) -> Any:  # fmt: skip
    """Decompress the member at ``data[begin:begin + size]`` to ``out[start:start + room]``; return the status.

    `function` and `state` are a `Decompressor`'s; ``lengths`` (two int64) gets the bytes read and written when `DONE`.
    A member cut by the end of the data is `DAMAGED`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def address_in(number: int, position: Any) -> Any:
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.ptrtoint(builder.gep(array.data, [position]), _ADDRESS)

        kind = ir.FunctionType(ir.IntType(32), [_ADDRESS] * 7)
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        zero, one = ir.Constant(_ADDRESS, 0), ir.Constant(_ADDRESS, 1)
        status = builder.call(
            target,
            [arguments[1], address_in(2, arguments[3]), arguments[4], address_in(5, arguments[6]), arguments[7],
             address_in(8, zero), address_in(8, one)],
        )  # fmt: skip
        return builder.zext(status, ir.IntType(64))

    whole = types.int64
    return whole(whole, whole, data, whole, whole, out, whole, whole, lengths), generate
