"""The SHA-256 of what an open file holds, read in pieces."""

import hashlib
from collections.abc import Callable
from typing import IO, Any

PIECE_BYTES = 1 << 20


def sha256_of(raw: IO[bytes], progress: Callable[[int], Any] = lambda num_bytes: None) -> tuple[str, int]:
    """Return (SHA-256 in hex, bytes) of the rest of `raw`; `progress` hears the bytes of each piece."""
    whole, size = hashlib.sha256(), 0
    while piece := raw.read(PIECE_BYTES):
        whole.update(piece)
        size += len(piece)
        progress(len(piece))
    return whole.hexdigest(), size
