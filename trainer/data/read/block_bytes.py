"""The bytes of a block, from wherever its tar lies: one range request, tried again with pauses.

In: where a block lies. Out: an array over pages of the file: a local tar's own, or those of a temporary file without a
name, which is gone whatever happens to this process.
"""

import io
import logging
import mmap
import os
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np

from schemas.tar_contents import UInt8s
from trainer.data.shard_source import BlockPlace

logger = logging.getLogger(__name__)

MAX_MAPPED_TARS = 512
"""Local tars that stay mapped without a block of theirs in use."""
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0


class BlockBytes:
    """Gives the bytes of blocks to several threads."""

    def __init__(self, cache_dir: str | None, deadline_s: float) -> None:
        """`cache_dir` holds what comes over the network (by default the system's folder for temporary files)."""
        self._cache_dir = cache_dir
        self._deadline_s = deadline_s
        self._maps: OrderedDict[str, UInt8s] = OrderedDict()
        self._lock = threading.Lock()
        self.fetched_bytes = 0
        """That came over the network."""
        self.requests = 0

    def get(self, place: BlockPlace) -> UInt8s:
        """Return the bytes of a block.

        Raises FileNotFoundError that names a shard which is gone, and OSError when a block does not come before the
        deadline.
        """
        if place.folder.local:
            return self._map_of(place)[place.begin : place.end]
        return self._kept(self._requested(place))

    def _map_of(self, place: BlockPlace) -> UInt8s:
        path = place.folder.path(place.tar)
        with self._lock:
            found = self._maps.get(path)
            if found is not None:
                self._maps.move_to_end(path)
                return found
        try:
            with Path(path).open("rb") as raw:
                size = raw.seek(0, io.SEEK_END)
                if size < place.end:
                    raise ValueError(
                        f"{path}: {size} bytes, the index has a sample that ends at {place.end}; the tar was cut: "
                        "download it again or make the index again with pipeline index"
                    )
                found = np.frombuffer(mmap.mmap(raw.fileno(), size, access=mmap.ACCESS_READ), dtype=np.uint8)
        except FileNotFoundError as error:
            raise _gone(place) from error
        with self._lock:
            self._maps[path] = found
            while len(self._maps) > MAX_MAPPED_TARS:
                self._maps.popitem(last=False)
        return found

    def _requested(self, place: BlockPlace) -> bytes:
        give_up = time.monotonic() + self._deadline_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                found = bytes(place.folder.fs.cat_file(place.folder.path(place.tar), start=place.begin, end=place.end))
                if len(found) != place.end - place.begin:
                    raise OSError(f"{len(found)} bytes came, expected {place.end - place.begin}")
                break
            except FileNotFoundError as error:
                raise _gone(place) from error
            except Exception as error:  # each file system has its own kinds; what they mean is in the message
                if time.monotonic() + pause > give_up:
                    raise OSError(
                        f"{place.where}: not read within {self._deadline_s:g} s: {type(error).__name__}: {error}; run "
                        "the same command again to go on"
                    ) from error
                logger.warning("%s: %s: %s; tried again in %g s", place.where, type(error).__name__, error, pause)
            time.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_S)
        with self._lock:
            self.fetched_bytes += len(found)
            self.requests += 1
        return found

    def _kept(self, data: bytes) -> UInt8s:
        """Return `data` as pages of a file, so that the pool lies on the disk where memory is short."""
        descriptor, name = tempfile.mkstemp(prefix="webimagetext-block-", dir=self._cache_dir)
        try:
            os.unlink(name)
            with open(descriptor, "wb", closefd=False) as sink:
                sink.write(data)
            return np.frombuffer(mmap.mmap(descriptor, len(data), access=mmap.ACCESS_READ), dtype=np.uint8)
        finally:
            os.close(descriptor)


def _gone(place: BlockPlace) -> FileNotFoundError:
    return FileNotFoundError(
        f"{place.folder.path(place.tar)}: the shard was there when the run began and is gone; put it back, or begin a "
        "run without it"
    )
