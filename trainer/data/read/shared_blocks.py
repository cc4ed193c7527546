"""Blocks that the processes of a machine share: each is fetched by one of them and read by all that need it.

In: the cache's folder, and what names the set. Out: a block's file, which another process may have fetched.
A process that is killed holds nothing up: what it had claimed is free at once, for the system takes its locks back.

    CACHE/webimagetext-UID-SET/       locked (shared) by each process that reads the set
        live-3f9c...                  a block, whole: renamed when its last byte is written; deleted when given up
        whole-a1b0...                 a block of a set that is shuffled as a whole: stays as long as anybody reads
        live-77d2....part             a block that is being fetched, locked by whoever does

The last process that closes the folder deletes it. What a killed run left is deleted by the next that uses the cache;
a run of the same set takes over the blocks that stay.
"""

import errno
import fcntl
import os
import stat
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.file_part import FilePart, OpenFile
from trainer.data.read.cache_errors import cache_errors

PREFIX = "webimagetext"
STAYS, LIVE = "whole-", "live-"
PART = ".part"
POLL_S = 0.05
"""So often a process looks whether another has a block ready."""


class SharedBlocks:
    """The blocks of a set in the cache of this machine; used by several threads."""

    def __init__(self, cache_dir: str, set_name: str) -> None:
        """Raise OSError that names `cache_dir` where the folder cannot be made or is another user's."""
        self.folder = shared_folder(cache_dir, set_name)
        with cache_errors(cache_dir):
            sweep(cache_dir, set_name)
            self._descriptor = _joined(self.folder)
        self._cache_dir = cache_dir
        self.close = weakref.finalize(self, _leave, self._descriptor, self.folder, os.getpid())
        """Leave the folder; the last one deletes it."""

    def get(
        self,
        name: str,
        where: str,
        fetch: Callable[[int], object],
        pause: Callable[[float], None],
        patience_s: float,
    ) -> FilePart | None:
        """Return block `name`, fetched where no other process has; None after `patience_s` of another's.

        `where` names it in errors, `fetch` writes it to an open file, `pause` waits so many seconds. None, too, where
        the folder was deleted.
        """
        path = f"{self.folder}/{name}"
        give_up = time.monotonic() + patience_s
        while (found := _found(path, where)) is None:
            with _claimed(path + PART) as part:
                if part is not None:
                    return self._written(path, where, part, fetch)
            if time.monotonic() > give_up or not os.path.isdir(self.folder):
                return None
            pause(POLL_S)
        return found

    def _written(self, path: str, where: str, part: int, fetch: Callable[[int], object]) -> FilePart | None:
        """Fetch a block into the file that this process claimed, unless it came since it was looked for."""
        found = _found(path, where)
        if found is not None:
            os.unlink(path + PART)
            return found
        try:
            with cache_errors(self._cache_dir):
                os.ftruncate(part, 0)  # a killed process may have left a longer one
            fetch(part)
            with cache_errors(self._cache_dir):
                file = OpenFile(Path(path + PART))  # opened anew: the lock goes with the descriptor that claimed it
                os.rename(path + PART, path)
            return FilePart(file, 0, os.fstat(file.fileno()).st_size, where)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(path + PART)
            raise

    def give_up(self, name: str) -> None:
        """Delete block `name` unless it stays; who has it open keeps it."""
        if name.startswith(LIVE):
            with suppress(FileNotFoundError):
                os.unlink(f"{self.folder}/{name}")


def shared_folder(cache_dir: str, set_name: str) -> str:
    """Return the path of a set's folder in the cache."""
    return f"{cache_dir}/{PREFIX}-{os.getuid()}-{set_name}"


def held_bytes(cache_dir: str, set_name: str) -> int:
    """Return the bytes of a set's blocks that the cache has."""
    found = 0
    with suppress(FileNotFoundError), os.scandir(shared_folder(cache_dir, set_name)) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found += entry.stat().st_size
    return found


def sweep(cache_dir: str, set_name: str) -> None:
    """Delete the folders of other sets that nobody reads any more: of runs that were killed."""
    own = shared_folder(cache_dir, set_name)
    with os.scandir(cache_dir) as entries:
        others = [entry.path for entry in entries if entry.name.startswith(f"{PREFIX}-{os.getuid()}-")]
    for other in others:
        if other != own:
            with suppress(OSError):  # not ours, or deleted by another process
                _leave(_opened(other), other, os.getpid())


def boot_id() -> str:
    """Return what is another after the machine was started again: then files may lack what was not on the disk yet."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as raw:
            return raw.read().strip()
    except OSError:
        return ""


def write_at(descriptor: int, data: bytes, at: int) -> None:
    """Write all of `data` into an open file."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written


def _found(path: str, where: str) -> FilePart | None:
    """Return a whole file, None where there is none."""
    try:
        file = OpenFile(Path(path))
    except FileNotFoundError:
        return None
    return FilePart(file, 0, os.fstat(file.fileno()).st_size, where)


@contextmanager
def _claimed(path: str) -> Iterator[int | None]:
    """Open a file that no other thread or process has claimed; None where one has, or where its folder is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor if _locked(descriptor) and _is_at(descriptor, path) else None
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock a file for this open descriptor alone, unless another has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: str) -> bool:
    """Tell whether an open file is still the one at `path`."""
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _opened(folder: str) -> int:
    """Open a folder. Raises OSError for one that another user has, or may write to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        os.close(descriptor)
        raise PermissionError(errno.EACCES, f"{os.path.basename(folder)} in it is not this user's alone")
    return descriptor


def _joined(folder: str) -> int:
    """Return a folder that is there, locked as one in use; of one that nobody used only what stays is kept."""
    while True:
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        try:
            descriptor = _opened(folder)
        except FileNotFoundError:  # deleted since by one that left
            continue
        if _locked(descriptor) and _is_at(descriptor, folder):
            for name in os.listdir(folder):
                if not name.startswith(STAYS) or name.endswith(PART) or not boot_id():
                    os.unlink(f"{folder}/{name}")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if _is_at(descriptor, folder):
            return descriptor
        os.close(descriptor)


def _leave(descriptor: int, folder: str, pid: int) -> None:
    """Close a folder, and delete it when no other process has it open."""
    if os.getpid() == pid:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # first: of two that leave at once the later one then has it alone
        if _locked(descriptor) and _is_at(descriptor, folder):
            with suppress(OSError):
                for name in os.listdir(folder):
                    os.unlink(f"{folder}/{name}")
                os.rmdir(folder)
    os.close(descriptor)
