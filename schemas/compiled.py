"""The decorators of kernels that make no array.

numba counts references to arrays atomically wherever one is passed on or taken from a tuple, some 20 cycles each: in
the scan of a crawl's records that took two thirds of the time. A kernel that only uses the arrays of its caller needs
no count; without it the same code is smaller and quicker, and compiles in half the time.
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types


def leaf(function: Callable[..., Any]) -> Any:
    """Compile `function`, which makes no array (slices of one assigned to another count as such), and cache it."""
    return _without_literals(njit(cache=True, error_model="numpy", _nrt=False)(function))


def _without_literals(kernel: Any) -> Any:
    """Have `kernel` compiled once for all numbers of a type: numba makes a copy for every constant in a call.

    A third of the time that the kernels of the crawl took to compile; LLVM folds the constants of calls it inlines.
    """
    found = getattr(kernel, "get_call_template", None)
    if found is not None:  # with NUMBA_DISABLE_JIT it is the function itself
        kernel.get_call_template = lambda args, kws: found([types.unliteral(arg) for arg in args], kws)
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a small `leaf` that is put in place of its calls."""
    return njit(forceinline=True, _nrt=False)(function)
