"""Unpack a file as it is read: an open file in, its plain bytes in pieces out.

The first bytes tell how a file is packed (bzip2, gzip, xz, Zstandard or not at all), never its name. Several streams
one after the other are one file, as ``cat`` makes them. Memory stays bounded whatever the bytes say.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

import pyarrow as pa
from isal import isal_zlib

READ_BYTES = 256 * 1024
PIECE_BYTES = 1024 * 1024

BROKEN_DATA = (OSError, EOFError, zlib.error, cast(type[Exception], isal_zlib.error), lzma.LZMAError)
"""What unpacking broken data raises, here and in fsspec, by kind of packing (Zstandard: OSError; gzip: fsspec takes
ISA-L, whose error is a plain Exception, where it is installed)."""


class FileTruncated(Exception):
    """The compressed data ended before its stream did."""


def packing(first_bytes: bytes) -> str:
    """Return ``bz2``, ``gz``, ``xz``, ``zst`` or ``plain`` for a file that begins with `first_bytes` (6 or more)."""
    if first_bytes[:3] == b"BZh":
        return "bz2"
    if first_bytes[:2] == b"\x1f\x8b":
        return "gz"
    if first_bytes[:6] == b"\xfd7zXZ\x00":
        return "xz"
    # a frame, or a skippable frame before the first one (RFC 8878, 3.1)
    if first_bytes[:4] == b"\x28\xb5\x2f\xfd" or (first_bytes[1:4] == b"\x2a\x4d\x18" and first_bytes[0] >> 4 == 5):
        return "zst"
    return "plain"


def decompress(raw: IO[bytes], progress: Callable[[int], Any] = lambda num_bytes: None) -> Iterator[bytes]:
    """Yield the plain bytes of an open file in pieces of at most `PIECE_BYTES`; its first bytes tell how it is packed.

    `progress` is told the bytes read. Raises `FileTruncated` where the packed data ends too early, one of
    `BROKEN_DATA` where it is broken.
    """
    data = raw.read(READ_BYTES)
    progress(len(data))
    kind = packing(data)
    if kind == "plain":
        while data:
            yield data
            data = raw.read(READ_BYTES)
            progress(len(data))
    elif kind == "zst":
        yield from _decompress_zstandard(data, raw, progress)
    else:
        make = {"bz2": bz2.BZ2Decompressor, "gz": _GzipDecompressor, "xz": lzma.LZMADecompressor}[kind]
        yield from _decompress_streams(make, data, raw, progress)


def _decompress_streams(
    make: Callable[[], Any], data: bytes, raw: IO[bytes], progress: Callable[[int], Any]
) -> Iterator[bytes]:
    stream, read, fresh = make(), len(data), True
    while data:
        if stream.eof:
            stream, fresh = make(), True
        piece = stream.decompress(data, PIECE_BYTES)
        fresh = False
        while True:
            if piece:
                yield piece
            if stream.eof or stream.needs_input:
                break
            piece = stream.decompress(b"", PIECE_BYTES)
        data = stream.unused_data if stream.eof else b""
        if not data:
            data = raw.read(READ_BYTES)
            progress(len(data))
            read += len(data)
    if not stream.eof and not fresh:
        raise _truncated(read)


def _truncated(read: int) -> FileTruncated:
    return FileTruncated(f"the packed data ends within a stream, after {read} bytes of the file")


def _decompress_zstandard(data: bytes, raw: IO[bytes], progress: Callable[[int], Any]) -> Iterator[bytes]:
    """Unpack by Arrow's reader: it goes on over frames, bounds each read and tells an unfinished frame."""
    source = _Source(data, raw, progress)
    with pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd") as stream:
        while True:
            try:
                piece = stream.read(PIECE_BYTES)
            except OSError as error:
                if source.ended:
                    raise _truncated(source.num_read) from error
                raise
            if not piece:
                return
            yield piece


class _Source(io.RawIOBase):
    """The rest of a file after the bytes already read; knows what was read and whether the end was seen."""

    def __init__(self, data: bytes, raw: IO[bytes], progress: Callable[[int], Any]) -> None:
        self._data = data
        self._raw = raw
        self._progress = progress
        self.num_read = len(data)
        self.ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if not self._data:
            self._data = self._raw.read(READ_BYTES)
            self._progress(len(self._data))
            self.num_read += len(self._data)
            self.ended = not self._data
        size = len(self._data) if size is None or size < 0 else size
        found, self._data = self._data[:size], self._data[size:]
        return found


class _GzipDecompressor:
    """A gzip reader, twice as fast as zlib's, with the interface of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._stream = isal_zlib.decompressobj(31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data
