"""Start a process without what its libraries import only because it is installed.

numba looks for scipy's BLAS and for cffi, pyarrow for pandas; nothing here uses them through these two. Without them a
process starts in two thirds of the time and takes 50 MB less. What imports one of them later (``querygen compare``,
scipy) gets it. `querygen count` of a made dump of 100 MB takes 7.0 s of CPU with one process and 10.4 s with two; with
the imports, and what `allocator` sets given to workers by the environment, 7.5 s and 11.5 s.
"""

import gc
import importlib.abc
import sys
from collections.abc import Sequence
from types import ModuleType

_NOT_LOOKED_FOR = frozenset(("cffi", "pandas", "scipy"))


class _Absent(importlib.abc.MetaPathFinder):
    """Says of the packages `_NOT_LOOKED_FOR` that they are not installed."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname.partition(".")[0] in _NOT_LOOKED_FOR:
            raise ModuleNotFoundError(f"{fullname} is not looked for here", name=fullname)


def lean_start() -> None:
    """Import numba and pyarrow without their optional packages, and keep the collector off what stays for ever."""
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    gc.disable()
    try:
        import pyarrow as pa

        pa.array([])  # looks for pandas, once
    finally:
        sys.meta_path.remove(absent)
        gc.enable()
    gc.freeze()
