"""A part of an open local file, read where it is asked for.

In: an open file, and where the part lies in it. Out: bytes, or an error that names the file. Nothing of a stranger's
file is mapped: one that is cut, or whose disk fails, while it is mapped ends the whole process (SIGBUS).
"""

import io
import os
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from schemas.checked import first_line
from schemas.kernels.file_bytes import read_in_memory

UInt8s = npt.NDArray[np.uint8]

PROBES = 16
"""Places of a part that are looked at to tell whether the system has it in memory."""


class HasDescriptor(Protocol):
    """An open file of the system's."""

    def fileno(self) -> int: ...


class OpenFile:
    """A file that is open for as long as anything refers to this object."""

    def __init__(self, file: Path | int) -> None:
        """`file` is opened for reading; a descriptor is taken over. Raises OSError."""
        self._descriptor = -1
        self._descriptor = file if isinstance(file, int) else os.open(file, os.O_RDONLY | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._descriptor

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


class FilePart:
    """Bytes `begin` .. `end` - 1 of a file, numbered from 0; several threads use it."""

    def __init__(self, file: HasDescriptor, begin: int, end: int, where: str) -> None:
        """`where` names the part in errors."""
        self._file, self.begin, self._bytes, self.where = file, begin, end - begin, where

    def __len__(self) -> int:
        return self._bytes

    def fileno(self) -> int:
        """Return the descriptor; it is open for as long as this object is."""
        return self._file.fileno()

    def read(self, at: int, size: int, buffer: UInt8s | None = None) -> UInt8s:
        """Return `size` bytes from `at` on, fewer where the part ends; in `buffer` if it has room for them.

        Raises ValueError that names the part when the file ends before it does, OSError when its disk does.
        """
        size = max(0, min(size, self._bytes - at))
        data = np.empty(size, dtype=np.uint8) if buffer is None or len(buffer) < size else buffer[:size]
        if read_in_memory(self.fileno(), data, self.begin + at) != len(data):
            self._wait_for(at, data)
        return data

    def _wait_for(self, at: int, data: UInt8s) -> None:
        """Fill `data`, while other threads of Python run."""
        done = 0
        while done < len(data):
            try:
                got = os.preadv(self.fileno(), [data[done:].data], self.begin + at + done)
            except OSError as error:
                raise OSError(f"{self.where}: cannot be read: {first_line(error)}") from error
            if not got:
                raise ValueError(
                    f"{self.where}: the file ends at byte {self.begin + at + done}, {self.begin + self._bytes} were "
                    "expected: it was cut after it was opened; put it back as it was, or make the index again with "
                    "pipeline index"
                )
            done += got

    def between(self, begin: int, end: int) -> "FilePart":
        """Return the part from byte `begin` of this one to before byte `end`, or to this one's end."""
        return FilePart(self._file, self.begin + begin, self.begin + min(end, self._bytes), self.where)

    def stream(self) -> io.BufferedReader:
        """Return the part as a file of its own; raises as `read` does."""
        return io.BufferedReader(_Stream(self))

    def want(self) -> None:
        """Have the system bring the part into memory, without waiting for it."""
        os.posix_fadvise(self.fileno(), self.begin, self._bytes, os.POSIX_FADV_WILLNEED)

    def is_in_memory(self) -> bool:
        """Tell whether the system has the part in memory, by `PROBES` of its bytes; False where it does not tell."""
        byte, step = np.empty(1, dtype=np.uint8), max(1, self._bytes // PROBES)
        places = range(self.begin, self.begin + self._bytes, step)
        return all(read_in_memory(self.fileno(), byte, at) == 1 for at in places)


class _Stream(io.RawIOBase):
    def __init__(self, part: FilePart) -> None:
        self._part, self._at = part, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._part)}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed asks for any buffer
        data = self._part.read(self._at, len(buffer))
        buffer[: len(data)] = data.data
        self._at += len(data)
        return len(data)
