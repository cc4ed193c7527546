"""The bytes of a block, from wherever its tar lies: one range request, tried again with pauses.

In: where a block lies. Out: the part of a file that it is: of a local tar, or of a temporary file without a name, which
is gone whatever happens to this process. What of it is in use lies in the system's memory of files, not in this
process's.
"""

import errno
import logging
import os
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path

from schemas.file_part import FilePart, OpenFile
from trainer.data.read.range_request import NotAsIndexed, RangeRequests, ReadingEnded
from trainer.data.shard_source import BlockPlace

logger = logging.getLogger(__name__)

MAX_OPEN_TARS = 512
"""Local tars that stay open without a block of theirs in use."""
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0
TRIES_A_DEADLINE = 3
"""An attempt that hangs is given up after this part of the deadline."""


class BlockBytes:
    """Gives the bytes of blocks to several threads."""

    def __init__(self, cache_dir: str | None, deadline_s: float) -> None:
        """`cache_dir` holds what comes over the network (by default the system's folder for temporary files).

        A block is tried for about `deadline_s`.
        """
        self._cache_dir = cache_dir
        self._deadline_s = deadline_s
        self._tars: OrderedDict[str, OpenFile] = OrderedDict()
        self._lock = threading.Lock()
        self._requests = RangeRequests()
        self.fetched_bytes = 0
        """That came over the network."""
        self.requests = 0
        """That brought them; those tried again are not counted."""

    def get(self, place: BlockPlace) -> FilePart:
        """Return a block.

        Raises FileNotFoundError that names a shard which is gone, ValueError that names one which is not as it was
        indexed, and OSError when a block does not come before the deadline or the cache has no room.
        """
        if place.folder.local:
            return self._local(place)
        return self._kept(self._requested(place), place)

    def abort(self) -> None:
        """End all requests, and those that begin before `resume`: a run that ends waits for none."""
        self._requests.abort()

    def resume(self) -> None:
        self._requests.resume()

    def _local(self, place: BlockPlace) -> FilePart:
        part = FilePart(self._tar_of(place), place.begin, place.end, place.where)
        part.want()  # its samples come in another order than they lie
        return part

    def _tar_of(self, place: BlockPlace) -> OpenFile:
        path = place.folder.path(place.tar)
        with self._lock:
            found = self._tars.get(path)
            if found is not None:
                self._tars.move_to_end(path)
                return found
        try:
            found = OpenFile(Path(path))
        except FileNotFoundError as error:
            raise _gone(place) from error
        size = os.fstat(found.fileno()).st_size
        if size < place.end:
            raise ValueError(
                f"{path}: {size} bytes, the index has a sample that ends at {place.end}; the tar was cut: "
                "download it again or make the index again with pipeline index"
            )
        with self._lock:
            self._tars[path] = found
            while len(self._tars) > MAX_OPEN_TARS:
                self._tars.popitem(last=False)
        return found

    def _requested(self, place: BlockPlace) -> memoryview:
        give_up = time.monotonic() + self._deadline_s
        pause = FIRST_PAUSE_S
        path = place.folder.path(place.tar)
        while True:
            try:
                attempt_s = self._deadline_s / TRIES_A_DEADLINE
                found = self._requests.get(place.folder.fs, path, place.begin, place.end, attempt_s)
                break
            except FileNotFoundError as error:
                raise _gone(place) from error
            except NotAsIndexed as error:
                raise ValueError(f"{place.where}: {error}; make the index again with pipeline index") from error
            except ReadingEnded:
                raise
            except Exception as error:  # each file system has its own kinds; what they mean is in the message
                if time.monotonic() + pause > give_up:
                    raise OSError(
                        f"{place.where}: not read within {self._deadline_s:g} s: {_told(error)}; run "
                        "the same command again to go on"
                    ) from error
                logger.warning("%s: %s; tried again in %g s", place.where, _told(error), pause)
            self._requests.pause(pause)
            pause = min(2 * pause, MAX_PAUSE_S)
        with self._lock:
            self.fetched_bytes += len(found)
            self.requests += 1
        return found

    def _kept(self, data: memoryview, place: BlockPlace) -> FilePart:
        """Return `data` as a file, so that the pool lies on the disk where memory is short."""
        try:
            descriptor, name = tempfile.mkstemp(prefix="webimagetext-block-", dir=self._cache_dir)
        except OSError as error:
            raise OSError(f"--cache-dir {self._where()}: cannot be written: {error.strerror}; give another") from error
        file = OpenFile(descriptor)
        try:
            os.unlink(name)
            with open(descriptor, "wb", closefd=False) as sink:
                sink.write(data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise OSError(
                f"--cache-dir {self._where()}: no room for {len(data)} bytes of {place.where}; give another with more "
                "room, or a smaller --shuffle-pool in a new run"
            ) from error
        return FilePart(file, 0, len(data), place.where)

    def _where(self) -> str:
        return self._cache_dir or tempfile.gettempdir()


def _told(error: Exception) -> str:
    """Return one line that says what an error of a file system means."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _gone(place: BlockPlace) -> FileNotFoundError:
    return FileNotFoundError(
        f"{place.folder.path(place.tar)}: the shard was there when the run began and is gone; put it back, or begin a "
        "run without it"
    )
