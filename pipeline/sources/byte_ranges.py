"""The bytes of a table, or of a part of it, by blocks; a compressed file is read through its decompressor.

Positions in a compressed file are those of what is in it. A plain file is read from any position; a compressed one
from its beginning, so it is one split.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
from fsspec.compression import compr
from fsspec.utils import infer_compression

from pipeline.sources.input_file import open_input

BLOCK_BYTES = 1 << 20
"""Small enough for the caches: what is made of a block is made of warm bytes."""
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


def is_compressed(path: str) -> bool:
    """Tell by its name whether a file is compressed as a whole."""
    return path.lower().split("?")[0].endswith(COMPRESSIONS)


@contextmanager
def open_table(path: str) -> Iterator[IO[bytes]]:
    """Open a text table for reading what is in it."""
    compression = infer_compression(path.split("?")[0])
    with open_input(path) as raw:
        if compression == "zstd":
            # Arrow's reader goes on after the first frame (pzstd writes many) and tells a cut file from a whole one;
            # the one that fsspec opens does neither.
            with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as found:
                yield found
        elif compression is not None:
            with compr[compression](raw, mode="rb") as found:
                yield found
        else:
            yield raw


def read_blocks(path: str, begin: int = 0, end: int = 0) -> Iterator[bytes]:
    """Yield the bytes from `begin` to `end` (0: to the end of the file) in blocks of `BLOCK_BYTES`."""
    with open_table(path) as raw:
        if begin and not is_compressed(path):
            raw.seek(begin)
        else:
            _skip(raw, begin)
        position = begin
        while block := raw.read(min(BLOCK_BYTES, end - position) if end else BLOCK_BYTES):
            yield block
            position += len(block)
            if end and position >= end:
                return


def _skip(raw: Any, size: int) -> None:
    while size and (block := raw.read(min(size, BLOCK_BYTES))):
        size -= len(block)
