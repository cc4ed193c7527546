"""A file over the network to seek and read in: each read is one range request, tried again as those of blocks are.

In: a folder, a name, the requests. Out: a file object that Arrow reads Parquet from.
"""

import io

import pyarrow as pa

from schemas.storage import Folder
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.shard_source import BlockPlace


class RemoteFile(io.RawIOBase):
    """Read only, of a size that was asked for once."""

    def __init__(self, read: BlockBytes, folder: Folder, name: str) -> None:
        """Raise FileNotFoundError for a file that is not there."""
        self._read, self._folder, self._name = read, folder, name
        self._size = folder.size(name)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, fewer at the end. Raises what `BlockBytes.get` raises."""
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        found = self._read.read(BlockPlace(self._folder, self._name, self._at, end, 0))
        self._at = end
        return found


def arrow_source(read: BlockBytes, folder: Folder, name: str) -> pa.NativeFile:
    """Return file `name` for Arrow's readers."""
    if folder.local:
        return pa.OSFile(folder.path(name), mode="r")
    return pa.PythonFile(RemoteFile(read, folder, name), mode="r")
