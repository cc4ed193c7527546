"""One launcher at a time per output folder: a second one on the same machine is told so before it does anything.

Two of them are harmless (what a unit makes is committed whole), but do everything twice, and the slower one finds its
work folder gone. The lock is the kernel's, on the folder itself: nothing is written, and it goes with its process,
however that ends. On filesystems without such locks, and on object stores, there is none.
"""

import os
from contextlib import suppress
from weakref import WeakValueDictionary

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class OutputLock:
    """A lock on a folder. It is held as long as this object lives; a fork of its process does not hold it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def is_of(self, path: str) -> bool:
        """Tell whether `path` is still the folder that is locked: it may have been deleted and made again."""
        return self._descriptor >= 0 and os.path.samestat(os.fstat(self._descriptor), os.stat(path))

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.release()

    def __reduce__(self) -> "tuple[type[OutputLock], tuple[int]]":
        """A copy, in this process or another, holds nothing."""
        return OutputLock, (-1,)


_held: WeakValueDictionary[str, OutputLock] = WeakValueDictionary()


def lock_output(path: str) -> OutputLock | None:
    """Lock the local folder `path`, or return the lock that this process has; None where there are no locks.

    Raises BlockingIOError when another process has it.
    """
    if fcntl is None:
        return None
    held = _held.get(path)
    if held is not None and held.is_of(path):
        return held
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    lock = OutputLock(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.release()
        raise
    except OSError:  # some network filesystems
        return None
    _held[path] = lock
    return lock


def _forget() -> None:
    """In a fork: close the descriptors, so that the lock goes with the process that took it."""
    for lock in list(_held.values()):
        with suppress(OSError):
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
