"""The members of a gzip file compressed record by record, decompressed by ISA-L, with their places in the file.

In: a binary file. Out: batches of members that lie one after the other in one buffer. What is damaged is told by its
byte offset, and reading goes on with the next member:

    | member | member | gar bage | mem....... | member |      . = damaged
      good     good     broken     broken       good

A member's end is not known before it is decompressed. The next place that looks like a gzip header is tried as its
end, the four bytes before it as its size. Only when it does not end exactly there, the member is read in pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
from isal import igzip_lib
from numba import njit

from pipeline.sources.byte_scan import PADDING, find_either
from pipeline.sources.source import Broken

ISAL_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]
GZIP_MAGIC = b"\x1f\x8b\x08"
READ_BYTES = 4 << 20
"""Compressed bytes asked for at once."""
BATCH_BYTES = 8 << 20
"""Decompressed bytes per batch, more when one member is larger."""
MAX_MEMBER_BYTES = 64 << 20
"""A member that decompresses to more is skipped as broken: no page is so large, a bomb is."""
_PIECE_BYTES = 64 << 10
_QUICK_BYTES = 128 << 10
"""A longer member is read in pieces, where its size can be bounded: deflate packs at most a thousand to one."""
_SMALLEST_MEMBER = 20


@dataclass(frozen=True)
class Batch:
    """Pieces of a file, decompressed, one after the other."""

    data: npt.NDArray[np.uint8]
    """The bytes; `PADDING` more than ``ends[-1]``."""
    ends: npt.NDArray[np.int64]
    """Begin of the first piece, then the end of each."""
    positions: npt.NDArray[np.int64]
    """Byte offset of each piece in the file."""


def read_members(raw: IO[bytes]) -> Iterator[Batch | Broken]:
    """Yield the members of the gzip file `raw` and what of it is damaged, in file order."""
    found: list[bytes] = []
    positions: list[int] = []
    size = 0
    for position, member in _members(raw):
        if isinstance(member, bytes):
            found.append(member)
            positions.append(position)
            size += len(member)
        if found and (size >= BATCH_BYTES or not isinstance(member, bytes)):
            yield batch(found, positions)
            found, positions, size = [], [], 0
        if not isinstance(member, bytes):
            yield member
    if found:
        yield batch(found, positions)


def batch(pieces: list[bytes], positions: list[int]) -> Batch:
    """Return `pieces` as one batch."""
    data = np.frombuffer(b"".join([*pieces, bytes(PADDING)]), dtype=np.uint8)
    ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return Batch(data, ends, np.array(positions, dtype=np.int64))


def _members(raw: IO[bytes]) -> Iterator[tuple[int, bytes | Broken]]:
    """Yield (offset, member), or (offset, what is broken there)."""
    window = b""
    window_start = 0  # offset in the file of the window
    at_end = False
    damaged: tuple[int, str] | None = None  # begin of the damage that is being skipped, and what it is
    while True:
        headers = find_headers(np.frombuffer(window + bytes(PADDING), dtype=np.uint8), len(window))
        view = memoryview(window)
        done = 0
        if len(window) >= len(GZIP_MAGIC) + 1 and not len(headers):
            damaged = damaged or (window_start, "no gzip member begins here")
            done = len(window) if at_end else len(window) - len(GZIP_MAGIC)
        for number, start in enumerate(headers.tolist()):
            if start < done:
                continue  # inside the member before
            last = number + 1 == len(headers)
            if last and not at_end:
                break  # its end may lie beyond the window
            stop = len(window) if last else int(headers[number + 1])
            member = _quick(view[start:stop])
            if member is None:
                member, used, whole = _careful(view[start:])
                if not whole and not at_end and len(window) < MAX_MEMBER_BYTES:
                    break  # more of the file may complete it
                stop = start + used
            if start > done and damaged is None:
                damaged = (window_start + done, "no gzip member begins here")
            if member is None:
                damaged = damaged or (window_start + start, "the gzip member is damaged")
                done = start + 1
                if last:
                    done = len(window)
                continue
            if damaged is not None:
                yield damaged[0], Broken("member_unreadable", *damaged)
                damaged = None
            yield window_start + start, member
            done = stop
        view.release()
        if at_end:
            break
        piece = raw.read(max(READ_BYTES, len(window) - done))
        at_end = not piece
        window, window_start = window[done:] + piece, window_start + done
    if done < len(window) and damaged is None:
        damaged = (window_start + done, "no gzip member begins here")
    if damaged is not None:
        yield damaged[0], Broken("member_unreadable", *damaged)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def find_headers(data, end):  # type: ignore[no-untyped-def]
    """Return the places in ``data[:end]`` that look like a gzip header: magic, deflate, no reserved flag."""
    found = np.empty(end // 4 + 1, dtype=np.int64)
    count = 0
    i = 0
    while True:
        i = find_either(data, i, end - 3, 0x1F, 0x1F)
        if i >= end - 3:
            return found[:count].copy()
        if data[i + 1] == 0x8B and data[i + 2] == 8 and data[i + 3] < 0x20:
            found[count] = i
            count += 1
            i += 4
        else:
            i += 1


def _quick(member: memoryview) -> bytes | None:
    """Return the content of `member` when it ends exactly with it, else None."""
    if not _SMALLEST_MEMBER <= len(member) <= _QUICK_BYTES:
        return None
    size = int.from_bytes(member[-4:], "little")
    if size > MAX_MEMBER_BYTES:
        return None
    reader = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    try:
        found: bytes = reader.decompress(member, size + 1)  # the room it will need, and more shows that it is no end
    except ISAL_ERROR:
        return None
    return found if reader.eof and not reader.unused_data else None


def _careful(rest: memoryview) -> tuple[bytes | None, int, bool]:
    """Read a member from the beginning of `rest` in pieces; return (content, bytes used, whether more can't help)."""
    reader = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    parts: list[bytes] = []
    size = used = 0
    try:
        while True:
            piece = rest[used : used + _PIECE_BYTES] if reader.needs_input else b""
            if reader.needs_input and not len(piece):
                return None, used, False
            used += len(piece)
            parts.append(reader.decompress(piece, MAX_MEMBER_BYTES + 1 - size))
            size += len(parts[-1])
            if reader.eof:
                return b"".join(parts), used - len(reader.unused_data), True
            if size > MAX_MEMBER_BYTES:
                return None, used, True
    except ISAL_ERROR:
        return None, used, True
