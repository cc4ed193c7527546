"""What the system fails a write by, with the name of the file: by itself it names none."""

import errno

WRITE_FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""A full disk, a quota, a limit of files, the disk itself."""


def raise_named(error: BaseException, target: str) -> None:
    """Raise what a write to the file `target` failed with once more, with its name; return where it is another kind."""
    if isinstance(error, OSError) and error.filename is None and error.errno in WRITE_FAILURES:
        raise OSError(error.errno, error.strerror, target) from error
