"""Input files wherever they lie: a connection that breaks is taken up again where it broke, and then is damage.

In: a path or fsspec URL. Out: a binary file. A local one is a plain file. A remote one raises only OSError: after
`PAUSES_S` tries ConnectionError that names the URL, the byte and the kind of failure. Works with servers that know no
byte ranges, as long as the file is read in order.
"""

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any, cast

import fsspec

from pipeline.sources.source import FileChanged
from schemas.public_url import public_text

PAUSES_S = (0.5, 2.0, 8.0)
"""Waited before each further try. s3fs and gcsfs try several times themselves, before that."""
_WORTH_ANOTHER_TRY = (408, 425, 429, 500, 502, 503, 504)
_SKIP_BYTES = 1 << 20
_CAREFUL_BYTES = 64 << 10
"""Asked for at once in the last try: what comes before the place that cannot be read is not lost with it."""


@contextmanager
def open_input(path: str, listed_bytes: int | None = None) -> Iterator[IO[bytes]]:
    """Open `path` for reading. Raises OSError for a file that is not there, here or while it is read.

    Raises `FileChanged` when it has other than `listed_bytes`: its size comes with opening it, no request more.
    """
    if "://" not in path or path.startswith(("file://", "local://")):
        with fsspec.open(path, "rb") as raw:
            _check_size(path, getattr(raw, "size", None), listed_bytes)
            yield raw
        return
    remote = RemoteFile(path)
    try:
        _check_size(path, remote.size, listed_bytes)
        yield cast(IO[bytes], remote)
    finally:
        remote.close()


def _check_size(path: str, found: int | None, listed: int | None) -> None:
    if found is not None and listed is not None and found != listed:
        raise FileChanged(path, found, listed)


class RemoteFile(io.RawIOBase):
    """A file read over a network."""

    def __init__(self, url: str) -> None:
        """Open `url`. Raises FileNotFoundError, PermissionError or ConnectionError that names it."""
        super().__init__()
        self._url = url
        self._errors = _network_errors(url)
        self._position = 0
        self._raw: Any = None
        self._careful = False
        self._failure: OSError | None = None
        self._again(lambda: None)

    @property
    def size(self) -> int | None:
        """The size of the file, if the server tells it to who opens it."""
        return None if self._raw is None else self._raw.size

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes (-1: all), fewer only at the end of the file or before the place where it breaks."""
        if self._failure is not None:
            raise self._failure
        parts: list[bytes] = []
        left = size
        while left:
            try:
                found = self._again(partial(self._read, left))
            except OSError as error:
                self._failure = error
                if not parts:
                    raise
                break
            if not found:
                break
            self._position += len(found)
            parts.append(found)
            left -= len(found) if size >= 0 else 0
        if self._careful:  # the rest in large pieces again
            self._careful = False
            self._drop()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            if self._raw is None or self._raw.size is None:
                raise OSError(f"{public_text(self._url)}: the server gives no byte ranges; download the file first")
            offset += self._raw.size
        elif whence == io.SEEK_CUR:
            offset += self._position
        if offset != self._position:
            self._position, self._failure = offset, None
            self._again(self._move)
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._drop()
        super().close()

    def _again(self, action: Callable[[], Any]) -> Any:
        """Return what `action` does, tried again on a new connection when that breaks."""
        for pause in (*PAUSES_S, None):
            try:
                if self._raw is None:
                    self._raw = self._opened()
                    self._move()
                return action()
            except self._errors as error:
                failure = _cause_of(error)
            self._drop()
            if pause is None or not _may_pass(failure):
                raise _as_os_error(self._url, self._position, failure) from failure
            time.sleep(pause)
            self._careful = pause == PAUSES_S[-1]

    def _opened(self) -> Any:
        fs, name = fsspec.core.url_to_fs(self._url)
        return fs.open(name, "rb", block_size=_CAREFUL_BYTES) if self._careful else fs.open(name, "rb")

    def _read(self, size: int) -> Any:
        return self._raw.read(_CAREFUL_BYTES if self._careful and not 0 <= size < _CAREFUL_BYTES else size)

    def _move(self) -> None:
        """Bring the connection to the file's position."""
        try:
            self._raw.seek(self._position)
        except ValueError:  # a server without byte ranges: from the beginning, in order
            if self._raw.tell() > self._position:
                self._drop()
                self._raw = self._opened()
            while (left := self._position - self._raw.tell()) > 0 and self._raw.read(min(left, _SKIP_BYTES)):
                pass

    def _drop(self) -> None:
        if self._raw is not None:
            with suppress(*self._errors):
                self._raw.close()
            self._raw = None


def _network_errors(url: str) -> tuple[type[BaseException], ...]:
    """Return what fsspec's filesystem of `url` raises when the network or the server fails."""
    import aiohttp  # a tenth of a second that local files spare

    found: tuple[type[BaseException], ...] = (OSError, aiohttp.ClientError, asyncio.TimeoutError)
    if url.startswith(("s3://", "s3a://")):
        from botocore.exceptions import BotoCoreError, ClientError

        found += (BotoCoreError, ClientError)
    elif url.startswith(("gs://", "gcs://")):
        from gcsfs.retry import HttpError

        found += (HttpError,)
    return found


def _cause_of(error: BaseException) -> BaseException:
    """Return the answer of a server that fsspec tells as FileNotFoundError, whatever it was."""
    cause = error.__cause__
    hides = isinstance(error, FileNotFoundError) and cause is not None and _module_of(cause) in ("aiohttp", "asyncio")
    return cause if hides and cause is not None else error


def _module_of(error: BaseException) -> str:
    return type(error).__module__.split(".")[0]


def _may_pass(failure: BaseException) -> bool:
    """Tell a failure that another try may not meet from an answer that stays."""
    status = getattr(failure, "status", None)
    if status:
        return status in _WORTH_ANOTHER_TRY
    return isinstance(failure, ConnectionError | TimeoutError) or not isinstance(failure, OSError)


def _as_os_error(url: str, position: int, failure: BaseException) -> OSError:
    status = getattr(failure, "status", None)
    if isinstance(failure, FileNotFoundError) or status in (404, 410):
        return FileNotFoundError(f"{public_text(url)}: no such file")
    if isinstance(failure, PermissionError) or status in (401, 403):
        return PermissionError(f"{public_text(url)}: the server does not let us read it")
    kind = f"the server answers {status}" if status else type(failure).__name__
    return ConnectionError(f"{public_text(url)}: cannot be read from byte {position} on: {kind}")
