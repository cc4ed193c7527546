"""The records of one WARC or ARC file, in batches: compressed record by record, as a whole, or not at all.

In: a path or URL of a ``.warc`` or ``.arc`` file, plain or ``.gz``, ``.zst``, ``.lz4``, ``.bz2``. Out: `Records`, and
what is broken with its position: the byte offset in the file where every gzip member is a record (Common Crawl and
nearly everyone), else in the decompressed bytes. Memory is bounded by the largest record.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from isal import igzip, igzip_lib

from pipeline.sources.archive.gzip_members import (
    BATCH_BYTES,
    GZIP_MAGIC,
    ISAL_ERROR,
    MAX_MEMBER_BYTES,
    Batch,
    batch,
    read_members,
)
from pipeline.sources.archive.record_index import CUT, MALFORMED, PIECE, START, STATUS, WHOLE, index_records
from pipeline.sources.files.input_file import open_input
from pipeline.sources.source import BROKEN_DATA, Broken, first_line
from schemas.kernels.byte_scan import PADDING

_STREAMS = {".zst": "zstd", ".lz4": "lz4", ".bz2": "bz2"}
_PROBE_BYTES = 1 << 20
_PIECE_BYTES = 64 << 10
_REASONS = {MALFORMED: "record_malformed", CUT: "record_truncated"}
_SHOWN_BYTES = 100


@dataclass(frozen=True)
class Records:
    """Whole records in a buffer."""

    data: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]
    """A row of `pipeline.sources.archive.record_index` per record."""
    positions: npt.NDArray[np.int64]
    """Where each record begins in the file."""


def read_archive(path: str, listed_bytes: int | None = None) -> Iterator[Records | Broken]:
    """Yield the records of the file `path` and what of it is broken, in file order.

    Raises `FileChanged` when the file has other than `listed_bytes`.
    """
    position = 0
    try:
        with ExitStack() as opened:
            raw = opened.enter_context(open_input(path, listed_bytes))
            probe = raw.read(_PROBE_BYTES)
            if not probe:
                yield Broken("file_unreadable", 0, "the file is empty")
                return
            joined = _Joined(probe, raw)
            if GZIP_MAGIC in probe and not _is_packed_otherwise(path, probe) and not _is_one_stream(probe):
                for item in read_members(cast(IO[bytes], joined)):
                    if isinstance(item, Broken):
                        yield item
                    else:
                        rows, _ = index_records(item.data, item.ends, True)
                        yield from _told_apart(item.data, rows, item.positions[rows[:, PIECE]])
                        position = int(item.positions[-1])
                if joined.failure is not None:
                    raise joined.failure
                return
            source = _decompressed(path, joined, probe)
            for item, rows, start in _stream(source):
                position = start + int(item.ends[-1])
                yield from _told_apart(item.data, rows, start + rows[:, START])
            if joined.failure is not None:
                raise joined.failure
    except BROKEN_DATA as error:
        yield Broken("file_unreadable", position, f"{type(error).__name__}: {first_line(error)}")


def _told_apart(
    data: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
) -> Iterator[Records | Broken]:
    whole = rows[:, STATUS] == WHOLE
    for number in np.flatnonzero(~whole).tolist():
        start = int(rows[number, START])
        shown = data[start : min(start + _SHOWN_BYTES, len(data) - PADDING)].tobytes()
        yield Broken(_REASONS[int(rows[number, STATUS])], int(positions[number]), shown)
    if whole.all():
        yield Records(data, rows, positions)
    elif whole.any():
        yield Records(data, np.ascontiguousarray(rows[whole]), positions[whole])


class _Joined:
    """A binary file whose first bytes were read already. It ends where it cannot be read on, and keeps the reason:
    whoever reads it gives what came before.
    """

    def __init__(self, head: bytes, raw: IO[bytes]) -> None:
        self._head, self._raw = head, raw
        self.closed = False
        self.failure: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            try:
                return self._raw.read(size)
            except OSError as error:
                self.failure = error
                return b""
        size = len(self._head) if size < 0 else size
        found, self._head = self._head[:size], self._head[size:]
        return found

    def readinto(self, buffer: Any) -> int:
        if not self._head and hasattr(self._raw, "readinto"):
            try:
                return int(self._raw.readinto(buffer))
            except OSError as error:
                self.failure = error
                return 0
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _is_packed_otherwise(path: str, probe: bytes) -> bool:
    """Tell that a file is plain, or compressed in another way: what looks like gzip in it stands inside a record."""
    return probe.lstrip().startswith((b"WARC/", b"filedesc:")) or path.split("?")[0].lower().endswith(tuple(_STREAMS))


def _is_one_stream(probe: bytes) -> bool:
    """Tell whether the gzip file that begins with `probe` is compressed as a whole: no member of its own per record."""
    if not probe.startswith(GZIP_MAGIC):
        return False
    reader = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    try:
        first = reader.decompress(probe, MAX_MEMBER_BYTES)
    except ISAL_ERROR:
        return False
    if not reader.eof:
        found = batch([first], [0])
        rows, _ = index_records(found.data, found.ends, False)
        return len(rows) > 0
    found = batch([first], [0])
    rows, _ = index_records(found.data, found.ends, True)
    return len(rows) > 1 and len(reader.unused_data) == 0


def _decompressed(path: str, raw: Any, probe: bytes) -> Any:
    if probe.startswith(GZIP_MAGIC):
        return igzip.IGzipFile(fileobj=raw, mode="rb")
    for suffix, codec in _STREAMS.items():
        if path.split("?")[0].lower().endswith(suffix):
            return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), cast(Any, codec))
    return raw


def _pieces(source: Any) -> tuple[list[bytes], BaseException | None]:
    """Read about `BATCH_BYTES` in small pieces, because what comes before a damage in one is lost; and the damage."""
    pieces: list[bytes] = []
    try:
        while sum(map(len, pieces)) < BATCH_BYTES and (piece := bytes(source.read(_PIECE_BYTES))):
            pieces.append(piece)
    except BROKEN_DATA as error:
        return pieces, error
    return pieces, None


def _stream(source: Any) -> Iterator[tuple[Batch, npt.NDArray[np.int64], int]]:
    """Yield (batch of one piece, its records, its offset); a record cut by the end of a batch begins the next one."""
    rest = b""
    start = 0
    at_end = False
    failure: BaseException | None = None
    while not at_end:
        pieces, failure = _pieces(source)
        at_end = failure is not None or not pieces
        found = batch([b"".join((rest, *pieces))], [start])
        size = int(found.ends[-1])
        if at_end and not size:
            break
        rows, used = index_records(found.data, found.ends, at_end)
        if not at_end and size - used > MAX_MEMBER_BYTES:  # told as cut; what follows it is looked for from here on
            rows, used = index_records(found.data, found.ends, True)
        yield found, rows, start
        rest = found.data[int(used) : size].tobytes()
        start += int(used)
    if failure is not None:
        raise failure
