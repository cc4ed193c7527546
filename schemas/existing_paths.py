"""Whether a path that a user or a list gives is there, when the text may be no file name at all.

In: any text. Out: False for what can be the name of nothing: longer than the system's names, or with a NUL in it.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path


def is_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a file. Raises PermissionError where its folder may not be looked into."""
    return _tells(Path.is_file, path)


def is_dir(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a folder. Raises as `is_file`."""
    return _tells(Path.is_dir, path)


def exists(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is there. Raises as `is_file`."""
    return _tells(Path.exists, path)


def _tells(question: Callable[[Path], bool], path: str | os.PathLike[str]) -> bool:
    try:
        return question(Path(path))
    except ValueError:  # a NUL, or what is no text of the system's encoding
        return False
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return what stands in a file. Raises OSError, for what can be the name of nothing, too."""
    try:
        return Path(path).read_bytes()
    except ValueError as error:
        raise FileNotFoundError(errno.ENOENT, "no file can have this name", os.fspath(path)) from error
