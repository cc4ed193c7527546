"""The bytes of a table, or of a part of it, by blocks; a compressed file is read through its decompressor.

Positions in a compressed file are those of what is in it. A plain file is read from any position; a compressed one
from its beginning, so it is one split.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pyarrow as pa
from fsspec.compression import compr
from fsspec.utils import infer_compression

from pipeline.sources.files.input_file import open_input
from pipeline.sources.source import ByteRange
from schemas.arrow_types import arrow_file
from schemas.packed import BROKEN_DATA

BLOCK_BYTES = 1 << 20
"""Small enough for the caches: what is made of a block is made of warm bytes."""
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
_WHOLE = ByteRange()
_CAREFUL_BYTES = 256
"""Unpacked at once near the end of a cut file: what lies before it is not lost with it."""


def name_of(path: str) -> str:
    """Return `path` without the query that a web address may have; ``?`` is part of any other path."""
    return path.partition("?")[0] if path.lower().startswith(("http://", "https://")) else path


def is_compressed(path: str) -> bool:
    """Tell by its name whether a file is compressed as a whole."""
    return name_of(path).lower().endswith(COMPRESSIONS)


@contextmanager
def open_table(path: str, careful: bool = False, listed_bytes: int | None = None) -> Iterator[IO[bytes]]:
    """Open a table to read what is in it. A `careful` reader is slow and comes closer to where a file is cut."""
    compression = infer_compression(name_of(path))
    with open_input(path, listed_bytes) as raw:
        if compression == "zstd":
            # Arrow's reader goes on after the first frame (pzstd writes many) and tells a cut file from a whole one;
            # the one that fsspec opens does neither.
            with pa.CompressedInputStream(arrow_file(raw, mode="r"), "zstd") as found:
                yield cast(IO[bytes], found)
        elif compression is not None:
            # ISA-L, which fsspec takes for gzip, unpacks tens of kilobytes ahead and loses them at a cut.
            reader: Any = gzip.open if careful and compression == "gzip" else compr[compression]
            with reader(raw, mode="rb") as found:
                yield found
        else:
            yield raw


def read_blocks(path: str, part: ByteRange = _WHOLE) -> Iterator[bytes]:
    """Yield the bytes of `part` in blocks of `BLOCK_BYTES`. Raises `FileChanged` for a file of another size.

    Of a compressed file that is cut all that can be unpacked comes before the error; of one that is damaged only whole
    blocks: what is unpacked behind a damage, before a checksum tells, is noise.
    """
    position = part.begin
    try:
        with open_table(path, listed_bytes=part.file_bytes) as raw:
            if part.begin and not is_compressed(path):
                raw.seek(part.begin)
            else:
                _skip(raw, part.begin)
            while block := raw.read(min(BLOCK_BYTES, part.end - position) if part.end else BLOCK_BYTES):
                yield block
                position += len(block)
                if part.end and position >= part.end:
                    return
    except BROKEN_DATA as error:
        cut = isinstance(error, EOFError) or "Truncated" in str(error)  # so Arrow's reader of Zstandard
        if is_compressed(path) and cut:
            yield from _before_the_cut(path, position)
        raise


def is_damaged(path: str, size: int) -> bool:
    """Tell whether the first `size` bytes in a compressed file cannot be unpacked: what is read there may be noise."""
    if not is_compressed(path):
        return False
    try:
        with open_table(path) as raw:
            _skip(raw, size)
    except BROKEN_DATA:
        return True
    return False


def _before_the_cut(path: str, begin: int) -> Iterator[bytes]:
    """Yield what a second, careful try unpacks from `begin` on, at most a block: the first failed within one."""
    found = bytearray()
    try:
        with open_table(path, careful=True) as raw:
            _skip(raw, begin)
            while len(found) < BLOCK_BYTES and (piece := raw.read(_CAREFUL_BYTES)):
                found += piece
    except BROKEN_DATA:
        pass  # that of the first try is told
    if found:
        yield bytes(found)


def _skip(raw: Any, size: int) -> None:
    while size and (block := raw.read(min(size, BLOCK_BYTES))):
        size -= len(block)
