"""Reproducible tar files (ustar): the same members give the same bytes, on any machine, at any time."""

import tarfile
from typing import Any

BLOCK_BYTES = 512


class TarWriter:
    """Writes members in the order given; owner 0, mode 0644, time 0."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._position = 0

    def add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        info.mtime = 0
        header = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        padding = bytes(-len(data) % BLOCK_BYTES)
        self._sink.write(header)
        self._sink.write(data)
        if padding:
            self._sink.write(padding)
        self._position += len(header) + len(data) + len(padding)

    def finish(self) -> None:
        """Write the end mark, and zeros up to the record size as tar does."""
        end = 2 * BLOCK_BYTES
        self._sink.write(bytes(end + -(self._position + end) % tarfile.RECORDSIZE))
