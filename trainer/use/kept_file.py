"""Files of a cache, each a SHA-256 and the bytes that it is of: whole, or as if they were not there."""

import contextlib
import hashlib
from pathlib import Path

from schemas.storage import Folder

_DIGEST_BYTES = hashlib.sha256().digest_size


def keep(path: Path, data: bytes) -> None:
    """Write `data`, whole (a rename); a folder that cannot be written is passed over."""
    with contextlib.suppress(OSError):
        Folder(str(path.parent)).write(path.name, hashlib.sha256(data).digest() + data)


def kept(path: Path) -> bytes | None:
    """Return what was kept; None where it is not there, cannot be read, or is damaged."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    data = whole[_DIGEST_BYTES:]
    return data if hashlib.sha256(data).digest() == whole[:_DIGEST_BYTES] else None
