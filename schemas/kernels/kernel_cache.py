"""Where numba keeps the compiled kernels of a module, so that no old code is ever served.

numba compares a cached kernel with the file that the kernel stands in, and with no other: after a change of a callee
or of a constant in another module, the cached caller would still give the old result. Here the folder of a module's
cache is named by all that goes into its machine code::

    __pycache__/MODULE.VERSIONS.SOURCES/
                       |        SHA-256 of the module and of every module of ours that it imports, near or far
                       of Python, numba, llvmlite, numpy, and of numba's settings in the environment

A change of any of them is another folder: the new code is compiled, and folders of older sources are deleted. Where the
tree cannot be written, the folder is in the user's cache (`schemas.cache_home`); where nothing can be written, kernels
are compiled in every process. ``NUMBA_CACHE_DIR`` is obeyed.

Processes save one at a time (`save_alone`). numba writes the index of a kernel's files before the file that it names,
and looks for a free name without a lock: of two processes that save a kernel for different types, the one could take
the other's machine code for its own.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba

from schemas.cache_home import cache_home

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the packages."""

PACKAGES = ("schemas", "querygen", "pipeline", "trainer")

_IMPORT = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+((?:" + "|".join(PACKAGES).encode() + rb")(?:\.\w+)*)\b"
    rb"(?:[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*))?",
    re.MULTILINE,
)

_DECLARING = threading.RLock()
"""numba's folder is a setting of the process: one module at a time."""


@contextmanager
def cache_folder_of(source_file: str) -> Iterator[bool]:
    """Have the kernels that are declared inside cached in the folder of the module at `source_file`.

    Yields whether there is a folder that can be written.
    """
    with _DECLARING:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = folder = _cache_folder(source_file, before)
        try:
            yield folder != ""
        finally:
            numba.config.CACHE_DIR = before


def save_alone(kernel: Any) -> Any:
    """Have a cached `kernel` written to its folder by one process at a time; return it."""
    cache_file = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    if cache_file is not None:  # it is None without a cache, and with NUMBA_DISABLE_JIT
        cache_file.save = _locked(cache_file.save, Path(cache_file._cache_path) / "saving.lock")
    return kernel


def _locked(save: Callable[..., None], lock: Path) -> Callable[..., None]:
    def locked(key: Any, data: Any) -> None:
        try:
            held = lock.open("wb")
        except OSError:  # a read-only folder, as of an image: nothing can be saved there
            return
        with held:
            fcntl.flock(held, fcntl.LOCK_EX)  # given up when the file is closed, also by a process that is killed
            save(key, data)

    return locked


@cache
def _cache_folder(source_file: str, asked: str) -> str:
    """Return the folder for the kernels of `source_file`, which can be written; `asked` is the user's, or empty."""
    source = Path(source_file).resolve()
    name = f"{source.stem}.{_versions()}"
    leaf = f"{name}.{sources_hash(source)[:16]}"
    if asked:
        return str(Path(asked) / leaf)
    beside = source.parent / "__pycache__"
    if _can_be_written(beside / leaf):
        _delete_older(beside, name, leaf)
        return str(beside / leaf)
    shared = cache_home() / "kernels" / leaf
    return str(shared) if _can_be_written(shared) else ""


def sources_hash(source: Path) -> str:
    """Return the SHA-256, in hexadecimal, of a module and of all our modules that it imports, near or far."""
    together = hashlib.sha256()
    for path in sorted(_imported_with(source)):
        together.update(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name).encode() + b"\0")
        together.update(_look_at(path)[0])
    return together.hexdigest()


def _imported_with(source: Path) -> set[Path]:
    """Return the files of `source` and of all that it imports, near or far."""
    found, waiting = {source}, [source]
    while waiting:
        for path in _look_at(waiting.pop())[1] - found:
            found.add(path)
            waiting.append(path)
    return found


@cache
def _look_at(source: Path) -> tuple[bytes, frozenset[Path]]:
    """Return the SHA-256 of a file and the files that it imports itself. Imports inside functions count as well."""
    text = source.read_bytes()
    imported = set()
    for module, names in _IMPORT.findall(text):
        place = ROOT.joinpath(*module.decode().split("."))
        inside = (place / name for name in re.findall(r"\w+", names.decode()))
        for candidate in (place, *inside):  # a name in `from package import name` may be a module
            for path in (candidate.with_suffix(".py"), candidate / "__init__.py"):
                if path.is_file():
                    imported.add(path)
    return hashlib.sha256(text).digest(), frozenset(imported)


@cache
def _versions() -> str:
    """Return a short hash of what else decides about the machine code."""
    packages = [f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy")]
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_")]
    return hashlib.sha256("\n".join([platform.python_version(), *packages, *settings]).encode()).hexdigest()[:8]


def _can_be_written(folder: Path) -> bool:
    """Make `folder`; return whether files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _delete_older(beside: Path, name: str, leaf: str) -> None:
    """Delete the caches of older sources of a module, made with the same versions."""
    for folder in beside.glob(f"{name}.*"):
        if folder.name != leaf:
            shutil.rmtree(folder, ignore_errors=True)
