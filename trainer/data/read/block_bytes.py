"""The bytes of a block, from wherever its tar lies: one range request, tried again with pauses.

In: where a block lies. Out: the part of a file that it is: of a local tar, or of one in the cache, which the processes
of a machine share (`shared_blocks`). Without a set to share that has no name, and is gone with its process.
What of it is in use lies in the system's memory of files, not in this process's.
"""

import hashlib
import logging
import os
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path

from schemas.file_part import FilePart, OpenFile
from trainer.data.read.cache_errors import CacheError, cache_errors, make_cache_dir
from trainer.data.read.range_request import NotAsIndexed, RangeRequests, ReadingEnded, Sink
from trainer.data.read.shared_blocks import LIVE, STAYS, SharedBlocks, write_at
from trainer.data.shard_source import BlockPlace

logger = logging.getLogger(__name__)

MAX_OPEN_TARS = 512
"""Local tars that stay open without a block of theirs in use."""
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0
TRIES_A_DEADLINE = 3
"""An attempt that hangs is given up after this part of the deadline."""


class BlockBytes:
    """Gives the bytes of blocks to several threads."""

    def __init__(self, cache_dir: str | None, deadline_s: float, set_name: str = "") -> None:
        """`cache_dir` holds what comes over the network (by default the system's folder for temporary files).

        With `set_name`, which is that of all processes that read the set, they share it. A block is tried for about
        `deadline_s`. Raises OSError that names the cache where it cannot be made.
        """
        self._cache_dir = cache_dir or tempfile.gettempdir()
        self._deadline_s = deadline_s
        self._tars: OrderedDict[str, OpenFile] = OrderedDict()
        self._lock = threading.Lock()
        self._requests = RangeRequests()
        self._shared: SharedBlocks | None = None
        if set_name:
            make_cache_dir(self._cache_dir)
            self._shared = SharedBlocks(self._cache_dir, set_name)
        self.fetched_bytes = 0
        """That came over the network."""
        self.requests = 0
        """That brought them; those tried again are not counted."""

    def get(self, place: BlockPlace, stays: bool = False) -> FilePart:
        """Return a block, which others share until one gives it up, or with `stays` until all are done.

        Raises FileNotFoundError that names a shard which is gone, ValueError that names one which is not as it was
        indexed, and OSError when a block does not come before the deadline or the cache has no room.
        """
        if place.folder.local:
            return self._local(place)
        if self._shared is not None:
            found = self._shared.get(
                _name_of(place, stays), place.where, lambda to: self._fetch(place, to), self._requests.pause,
                self._deadline_s / TRIES_A_DEADLINE,
            )  # fmt: skip
            if found is not None:
                return found
        return self._kept(place)

    def give_up(self, place: BlockPlace, stays: bool = False) -> None:
        """Free the room of a block; who has it keeps it, who needs it again fetches it again."""
        if self._shared is not None and not place.folder.local:
            self._shared.give_up(_name_of(place, stays))

    def close(self) -> None:
        """End all requests, and leave what is shared: the last one deletes it."""
        self.abort()
        if self._shared is not None:
            self._shared.close()

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

    def read(self, place: BlockPlace) -> bytes:
        """Return the bytes at a place over the network, kept nowhere; raises as `get`."""
        data = bytearray(place.end - place.begin)

        def put(piece: bytes, at: int) -> None:
            data[at : at + len(piece)] = piece

        self._request(place, put)
        return bytes(data)

    def _fetch(self, place: BlockPlace, descriptor: int) -> None:
        """Write a block into an open file of the cache."""

        def put(piece: bytes, at: int) -> None:
            with cache_errors(self._cache_dir, place.end - place.begin):
                write_at(descriptor, piece, at)

        self._request(place, put)

    def _request(self, place: BlockPlace, sink: Sink) -> None:
        """Ask for the bytes at a place, once more where that can help."""
        give_up = time.monotonic() + self._deadline_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                attempt_s = self._deadline_s / TRIES_A_DEADLINE
                self._requests.get(place, attempt_s, sink)
                break
            except FileNotFoundError as error:
                raise _gone(place) from error
            except NotAsIndexed as error:
                raise ValueError(f"{place.where}: {error}; make the index again with pipeline index") from error
            except (ReadingEnded, CacheError):
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
            self.fetched_bytes += place.end - place.begin
            self.requests += 1

    def _kept(self, place: BlockPlace) -> FilePart:
        """Return a block as a file without a name, so that the pool lies on the disk where memory is short."""
        make_cache_dir(self._cache_dir)
        with cache_errors(self._cache_dir):
            descriptor, name = tempfile.mkstemp(prefix="webimagetext-block-", dir=self._cache_dir)
            file = OpenFile(descriptor)
            os.unlink(name)
        self._fetch(place, descriptor)
        return FilePart(file, 0, place.end - place.begin, place.where)


def _name_of(place: BlockPlace, stays: bool) -> str:
    """Return the name of a block among all of its set."""
    where = f"{place.folder.url}\0{place.tar}\0{place.begin}\0{place.end}".encode()
    return (STAYS if stays else LIVE) + hashlib.sha256(where).hexdigest()[:32]


def _told(error: Exception) -> str:
    """Return one line that says what an error of a file system means."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _gone(place: BlockPlace) -> FileNotFoundError:
    return FileNotFoundError(
        f"{place.folder.path(place.tar)}: the shard was there when the run began and is gone; put it back, or begin a "
        "run without it"
    )
