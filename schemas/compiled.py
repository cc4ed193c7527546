"""The decorators of kernels that make no array.

numba counts references to arrays atomically wherever one is passed on or taken from a tuple, some 20 cycles each: in
the scan of a crawl's records that took two thirds of the time. A kernel that only uses the arrays of its caller needs
no count; without it the same code is smaller and quicker, and compiles in half the time.
"""

from collections.abc import Callable
from typing import Any

from numba import njit


def leaf(function: Callable[..., Any]) -> Any:
    """Compile `function`, which makes no array (slices of one assigned to another count as such), and cache it."""
    return njit(cache=True, error_model="numpy", _nrt=False)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a small `leaf` that is put in place of its calls."""
    return njit(forceinline=True, _nrt=False)(function)
