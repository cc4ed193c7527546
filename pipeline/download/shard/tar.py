"""Reproducible tars by webdataset's `TarWriter`: the same samples give the same bytes, on any machine, at any time.

In: a file open for writing. Out: a writer of samples (dicts with ``__key__`` and the members' bytes by suffix), ustar,
owner 0 without a name, mode 0644, time 0.

The writer's module is loaded without its package, whose ``__init__`` imports torch: 1.2 s of CPU and 110 MiB a process.
"""

import functools
import importlib
import importlib.util
import sys
import tarfile
import types
from typing import Any

_ALONE = "webdataset_alone"
"""Name of the package without its ``__init__``: another one, so that who imports webdataset gets the whole of it."""


def open_tar(sink: Any) -> Any:
    """Return a `TarWriter` on `sink`, to be closed after the last sample.

    It sorts the members of a call: a sample whose members have another order is written by a call for each.
    """
    return _writer().TarWriter(sink, user="", group="", mode=0o644, mtime=0, encoder=False)


def position_of(tar: Any) -> int:
    """Return where the next header begins."""
    return int(tar.tarstream.offset)


def add_member(tar: Any, key: str, suffix: str, data: bytes) -> int:
    """Write a member of the sample `key`; return the offset of its bytes."""
    offset = position_of(tar) + tarfile.BLOCKSIZE
    tar.write({"__key__": key, suffix.removeprefix("."): data})
    return offset


@functools.cache
def _writer() -> types.ModuleType:
    package = importlib.util.find_spec("webdataset")
    if package is None or package.submodule_search_locations is None:
        raise ModuleNotFoundError("webdataset is not installed", name="webdataset")
    alone = types.ModuleType(_ALONE)
    alone.__path__ = list(package.submodule_search_locations)
    sys.modules[_ALONE] = alone
    return importlib.import_module(f"{_ALONE}.writer")
