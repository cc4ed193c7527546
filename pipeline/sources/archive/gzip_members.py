"""The members of a gzip file compressed record by record, decompressed one after the other, with their places.

In: a binary file. Out: batches of members that lie one after the other in one buffer. What is damaged is told by its
byte offset, and reading goes on with the next member:

    | member | member | gar bage | mem....... | member |      . = damaged
      good     good     broken     broken       good

Members are decompressed as a whole, by libdeflate; one that is too large for that or fails is read once more in
pieces, by ISA-L, which tells what is damaged from what is cut by the end of what was read so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
from isal import igzip_lib

from pipeline.sources.archive.libdeflate import DAMAGED, DONE, NO_ROOM, Decompressor, gunzip
from pipeline.sources.source import Broken
from schemas.kernels.byte_scan import PADDING, find_either
from schemas.kernels.compiled import kernel, leaf

ISAL_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]
GZIP_MAGIC = b"\x1f\x8b\x08"
READ_BYTES = 1 << 20
"""Compressed bytes asked for at once."""
BATCH_BYTES = 1 << 20
"""Decompressed bytes per batch, more when one member is larger: about what stays in a core's cache until it is read."""
MAX_MEMBER_BYTES = 64 << 20
"""A member that decompresses to more is skipped as broken: no page is so large, a bomb is."""
_ROOM_BYTES = 4 << 20
"""Room for a batch. A larger member is read in pieces."""
_MOST_MEMBERS = 1 << 14
_HEADER_BYTES = 4
"""What tells a member's header: magic, deflate, no reserved flag."""
_PIECE_BYTES = 64 << 10
_FULL, _NO_HEADER = 10, 11
"""Status of `_unpack` beside that of `gunzip`: the batch is large enough; no member begins here."""


@dataclass(frozen=True)
class Batch:
    """Pieces of a file, decompressed, one after the other. Of use until the next one is asked for."""

    data: npt.NDArray[np.uint8]
    """The bytes; `PADDING` more than ``ends[-1]``."""
    ends: npt.NDArray[np.int64]
    """Begin of the first piece, then the end of each."""
    positions: npt.NDArray[np.int64]
    """Byte offset of each piece in the file."""


def batch(pieces: list[bytes], positions: list[int]) -> Batch:
    """Return `pieces` as one batch."""
    # writable, as other batches are: numba compiles a kernel once more for an array that is not
    data = np.frombuffer(bytearray().join([*pieces, bytes(PADDING)]), dtype=np.uint8)
    ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return Batch(data, ends, np.array(positions, dtype=np.int64))


class _Room:
    """Where members are decompressed to, batch after batch."""

    def __init__(self) -> None:
        self._decompressor = Decompressor()
        self._data = np.empty(_ROOM_BYTES + PADDING, dtype=np.uint8)
        self._ends = np.zeros(_MOST_MEMBERS + 1, dtype=np.int64)
        self._positions = np.zeros(_MOST_MEMBERS, dtype=np.int64)
        self.count = 0

    def fill(self, window: npt.NDArray[np.uint8], begin: int, end: int, window_start: int) -> tuple[int, int]:
        """Add the members at ``window[begin:end]``; return where it stopped, and why: a status."""
        done, self.count, status = _unpack(
            self._decompressor.function, self._decompressor.state, window, begin, end, window_start,
            self._data, BATCH_BYTES, self._ends, self._positions, self.count,
        )  # fmt: skip
        return done, status

    def take(self) -> Iterator[Batch]:
        """Yield the members there are, if any."""
        count, self.count = self.count, 0
        if count:
            end = int(self._ends[count])
            yield Batch(self._data[: end + PADDING], self._ends[: count + 1], self._positions[:count])


def read_members(raw: IO[bytes]) -> Iterator[Batch | Broken]:
    """Yield the members of the gzip file `raw` and what of it is damaged, in file order."""
    room = _Room()
    window = np.zeros(2 * READ_BYTES + PADDING, dtype=np.uint8)
    end = 0
    start = 0  # offset in the file of the window
    damage: Broken | None = None  # what is being skipped
    at_end = False
    while not at_end:
        if 2 * end + READ_BYTES + PADDING > len(window):
            window = np.concatenate((window[:end], np.zeros(end + READ_BYTES + PADDING, dtype=np.uint8)))
        read = raw.readinto(memoryview(window)[end : end + max(READ_BYTES, end)])  # type: ignore[arg-type,attr-defined]
        at_end = not read
        end += read
        done = 0
        while done < end:
            if damage is not None:
                done = _find_header(window, done, end)
            if end - done < _HEADER_BYTES and not at_end:
                break
            count = room.count
            done, status = room.fill(window, done, end, start)
            if damage is not None and room.count > count:
                yield damage
                damage = None
            if status == _FULL:
                yield from room.take()
                continue
            if done == end or (status == DAMAGED and not at_end and end - done < READ_BYTES):
                break  # more of the file may complete the last member
            if status != _NO_HEADER:
                member, used, whole = _careful(memoryview(window)[done:end])  # type: ignore[arg-type]
                if not whole and not at_end and end - done < MAX_MEMBER_BYTES:
                    break
                if member is not None:
                    yield from room.take()
                    if damage is not None:
                        yield damage
                        damage = None
                    yield batch([member], [start + done])
                    done += used
                    continue
            elif end - done < _HEADER_BYTES and not at_end:
                break
            yield from room.take()
            if damage is None:
                found = "no gzip member begins here" if status == _NO_HEADER else "the gzip member is damaged"
                damage = Broken("member_unreadable", start + done, found)
            done += 1
        window[: end - done] = window[done:end].copy()
        start, end = start + done, end - done
    yield from room.take()
    if damage is not None:
        yield damage


@leaf
def _is_header(data, position, end):
    return (
        end - position >= _HEADER_BYTES
        and data[position] == 0x1F
        and data[position + 1] == 0x8B
        and data[position + 2] == 8
        and data[position + 3] < 0x20
    )


@leaf
def _find_header(data, position, end):
    """Return the next place that looks like a member's header, else the first of which too little is there to tell."""
    while end - position >= _HEADER_BYTES and not _is_header(data, position, end):
        position = find_either(data, position + 1, end - _HEADER_BYTES + 1, 0x1F, 0x1F)
    return position


@kernel
def _unpack(function, state, data, position, end, start, out, enough, ends, positions, count):
    """Decompress the members at ``data[position:end]`` to `out`; return (where it stopped, their number, status).

    `count` members are there already: member ``i`` at ``out[ends[i]:ends[i + 1]]``. `start` is the offset of `data`.
    """
    lengths = np.zeros(2, dtype=np.int64)
    while position < end:
        if ends[count] >= enough or count == len(positions):
            return position, count, _FULL
        if not _is_header(data, position, end):
            return position, count, _NO_HEADER
        room = len(out) - PADDING - ends[count]
        status = gunzip(function, state, data, position, end - position, out, ends[count], room, lengths)
        if status != DONE:
            return position, count, _FULL if status == NO_ROOM and count > 0 else status
        positions[count] = start + position
        position += lengths[0]
        count += 1
        ends[count] = ends[count - 1] + lengths[1]
    return position, count, DONE


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
