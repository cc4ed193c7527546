"""The decorators of compiled kernels; nothing else calls numba's `njit`.

============  ===============================================================================================
`kernel`      compiled and cached
`unlocked`    as `kernel`; other threads of Python run meanwhile
`leaf`        as `kernel` for one that makes no array: without the counting of references
`inlined`     a small `leaf` put in place of its calls by LLVM
`spliced`     put in place of its calls before types are known, so that constants in a call remain constants
============  ===============================================================================================

numba counts references to arrays atomically wherever one is passed on or taken from a tuple, some 20 cycles each: in
the scan of a crawl's records that took two thirds of the time. A kernel that only uses the arrays of its caller needs
no count; without it the same code is smaller and quicker, and compiles in half the time. Division by zero follows
numpy in all of them: no kernel branches to an error that it cannot name.
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types

from schemas.kernels.kernel_cache import cache_folder_of, save_alone


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` when it is first called, and cache it."""
    return _cached(function)


def unlocked(function: Callable[..., Any]) -> Any:
    """Compile and cache `function`, which gives up Python's lock while it runs."""
    return _cached(function, nogil=True)


def leaf(function: Callable[..., Any]) -> Any:
    """Compile `function`, which makes no array (slices of one assigned to another count as such), and cache it."""
    return _without_literals(_cached(function, _nrt=False))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a small `leaf` that is put in place of its calls."""
    return njit(forceinline=True, error_model="numpy", _nrt=False)(function)


def spliced(function: Callable[..., Any]) -> Any:
    """Have the source of `function` stand where it is called."""
    return njit(inline="always", error_model="numpy")(function)


def _cached(function: Callable[..., Any], **options: Any) -> Any:
    with cache_folder_of(function.__code__.co_filename) as has_folder:
        return save_alone(njit(cache=has_folder, error_model="numpy", **options)(function))


def _without_literals(kernel: Any) -> Any:
    """Have `kernel` compiled once for all numbers of a type: numba makes a copy for every constant in a call.

    A third of the time that the kernels of the crawl took to compile; LLVM folds the constants of calls it inlines.
    """
    found = getattr(kernel, "get_call_template", None)
    if found is not None:  # with NUMBA_DISABLE_JIT it is the function itself
        kernel.get_call_template = lambda args, kws: found([types.unliteral(arg) for arg in args], kws)
    return kernel
