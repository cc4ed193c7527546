"""What goes wrong in the folder of ``--cache-dir``, as errors that name it and say what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


class CacheError(OSError):
    """The folder cannot be written: another try cannot help."""


@contextmanager
def cache_errors(cache_dir: str, num_bytes: int = 0) -> Iterator[None]:
    """Raise OSErrors of the block as `CacheError`, which names the cache; `num_bytes` were to be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CacheError(
                f"--cache-dir {cache_dir}: no room for {num_bytes} bytes of a block; give another with more room, or a "
                "smaller --shuffle-pool in a new run"
            ) from error
        raise CacheError(f"--cache-dir {cache_dir}: cannot be written: {error.strerror}; give another") from error


def make_cache_dir(cache_dir: str) -> None:
    """Make the folder if it is not there. Raises `CacheError`."""
    with cache_errors(cache_dir):
        os.makedirs(cache_dir, exist_ok=True)
