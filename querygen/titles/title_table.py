"""Exact sums by byte string in an open-addressing table: (bytes, views) in, distinct strings with their sums out.

The strings lie one after the other in an arena; a slot holds 32 bits of the hash and the number of the entry, so that
a string is compared only where the bits agree and growing never hashes again:

    slots   [0][tag|entry + 1][0][tag|entry + 1] ...     a power of two, at most three quarters taken
    starts  [0, 5, 12 ...]    arena  b"ParisNew ..."     views  [31, 4, ...]

Sums stop at `MAX_SUM` and never wrap. The hash is keyed anew in every process, so nobody can prepare strings that
collide; results do not depend on it, entries stay in the order of their first coming. Memory: 8 to 22 bytes of slots,
16 bytes and the string itself per entry; the reserve behind the arrays is not touched, so it takes no memory.
"""

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import buffer_of, buffers_of
from schemas.kernels.compiled import kernel, spliced
from schemas.kernels.folding import finish_hash

MAX_SUM = 1 << 62
ENTRIES, ARENA, _TOUCHED = range(3)
"""Places in `TitleTable.used`."""

BATCH_ROWS = 128
"""Rows whose memory is touched together: more than a core can wait for at once, few enough to stay in its cache."""

_FIRST_SLOTS = 1 << 12
_CHUNK_ROWS = 1 << 14
_KEY = np.uint64(secrets.randbits(64))
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_ENTRY_BITS = np.uint64(0xFFFFFFFF)


@spliced
def capped_sum(left, right):
    """Return the sum of two numbers from 0 to `MAX_SUM`, `MAX_SUM` at most."""
    return left + right if left <= MAX_SUM - right else MAX_SUM


@kernel
def hash_bytes(data, begin, end, key):
    """Return 64 bits of ``data[begin:end]`` under `key`."""
    state = key ^ np.uint64(end - begin)
    i = begin
    while i + 8 <= end:
        word = np.uint64(0)
        for k in range(8):
            word |= np.uint64(data[i + k]) << np.uint64(8 * k)
        state = (state ^ word) * _PRIME
        state ^= state >> np.uint64(29)
        i += 8
    word = np.uint64(0)
    shift = np.uint64(0)
    while i < end:
        word |= np.uint64(data[i]) << shift
        shift += np.uint64(8)
        i += 1
    return finish_hash((state ^ word) * _PRIME + key)


@kernel
def find(data, begin, end, key, slots, starts, arena):
    """Return (entry of ``data[begin:end]`` or -1, the slot where the search ended, the slot's tag)."""
    tag = hash_bytes(data, begin, end, key) >> np.uint64(32)
    mask = len(slots) - 1
    place = np.int64(tag) & mask
    while True:
        slot = slots[place]
        if slot == 0:
            return np.int64(-1), place, tag
        if slot >> np.uint64(32) == tag:
            entry = np.int64(slot & _ENTRY_BITS) - 1
            start = starts[entry]
            if starts[entry + 1] - start == end - begin:
                equal = True
                for k in range(end - begin):
                    if arena[start + k] != data[begin + k]:
                        equal = False
                        break
                if equal:
                    return entry, place, tag
        place = (place + 1) & mask


@kernel
def add(data, begin, end, count, key, slots, starts, arena, views, used):
    """Add `count` to the sum of ``data[begin:end]`` and return its entry; `TitleTable.reserve` made room for it."""
    entry, place, tag = find(data, begin, end, key, slots, starts, arena)
    if entry >= 0:
        views[entry] = capped_sum(views[entry], count)
        return entry
    entry = used[ENTRIES]
    filled = used[ARENA]
    for k in range(end - begin):
        arena[filled + k] = data[begin + k]
    starts[entry + 1] = filled + end - begin
    views[entry] = count
    slots[place] = (tag << np.uint64(32)) | np.uint64(entry + 1)
    used[ENTRIES] = entry + 1
    used[ARENA] = filled + end - begin
    return entry


@kernel
def add_batch(data, offsets, counts, first, last, key, slots, starts, arena, views, used):
    """Add rows ``[first, last)``. Touches what they need beforehand, so that the waits for memory overlap."""
    mask = len(slots) - 1
    touched = np.int64(0)
    for row in range(first, last):
        tag = hash_bytes(data, offsets[row], offsets[row + 1], key) >> np.uint64(32)
        slot = slots[np.int64(tag) & mask]
        if slot >> np.uint64(32) == tag:
            entry = np.int64(slot & _ENTRY_BITS) - 1
            touched += np.int64(arena[starts[entry]]) + (views[entry] & 1)
    for row in range(first, last):
        add(data, offsets[row], offsets[row + 1], counts[row], key, slots, starts, arena, views, used)
    used[_TOUCHED] = touched  # else the compiler leaves the reading out


@kernel
def _move_slots(old, new):
    mask = len(new) - 1
    for slot in old:
        if slot != 0:
            place = np.int64(slot >> np.uint64(32)) & mask
            while new[place] != 0:
                place = (place + 1) & mask
            new[place] = slot


@kernel
def _add_many(data, offsets, counts, first, last, key, slots, starts, arena, views, used):
    for begin in range(first, last, BATCH_ROWS):
        end = min(begin + BATCH_ROWS, last)
        add_batch(data, offsets, counts, begin, end, key, slots, starts, arena, views, used)


@kernel
def _enter(data, offsets, entries, key, slots, starts, arena, views, used):
    for row in range(len(entries)):
        begin, end = offsets[row], offsets[row + 1]
        entries[row] = add(data, begin, end, 0, key, slots, starts, arena, views, used) if end > begin else -1


class TitleTable:
    """Sums by byte string. The kernels above work on its arrays; `reserve` replaces them."""

    def __init__(self) -> None:
        self.key = _KEY
        self.slots = np.zeros(_FIRST_SLOTS, dtype=np.uint64)
        self.starts = np.zeros(_FIRST_SLOTS + 1, dtype=np.int64)
        self.arena = np.empty(_FIRST_SLOTS * 32, dtype=np.uint8)
        self.views = np.empty(_FIRST_SLOTS, dtype=np.int64)
        self.used = np.zeros(3, dtype=np.int64)

    def __len__(self) -> int:
        return int(self.used[ENTRIES])

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """The last arguments of `add`."""
        return self.slots, self.starts, self.arena, self.views, self.used

    def reserve(self, num_titles: int, num_bytes: int) -> None:
        """Make room for so many more strings of so many bytes in all."""
        entries, filled = int(self.used[ENTRIES]) + num_titles, int(self.used[ARENA]) + num_bytes
        if entries > len(self.views):
            room = entries + len(self.views) // 2
            self.views = _longer(self.views, len(self), room)
            self.starts = _longer(self.starts, len(self) + 1, room + 1)
        if filled > len(self.arena):
            self.arena = _longer(self.arena, int(self.used[ARENA]), filled + len(self.arena) // 2)
        size = len(self.slots)
        while 4 * entries > 3 * size:
            size *= 2
        if size > 1 << 32:
            raise OverflowError("a table holds at most 3 billion strings")
        if size > len(self.slots):
            slots = np.zeros(size, dtype=np.uint64)
            _move_slots(self.slots, slots)
            self.slots = slots

    def add_many(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], views: npt.NDArray[np.int64]
    ) -> None:
        """Add ``views[i]`` to the sum of ``data[offsets[i]:offsets[i + 1]]`` for all i."""
        for first in range(0, len(views), _CHUNK_ROWS):
            last = min(first + _CHUNK_ROWS, len(views))
            self.reserve(last - first, int(offsets[last] - offsets[first]))
            _add_many(data, offsets, views, first, last, self.key, *self.arrays)

    def enter(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the entry of each string, made with a sum of 0 where it is new; -1 for an empty string."""
        size = len(offsets) - 1
        self.reserve(size, int(offsets[-1] - offsets[0]))
        entries = np.empty(size, dtype=np.int64)
        _enter(data, offsets, entries, self.key, *self.arrays)
        return entries

    def add_one(self, title: bytes, views: int) -> int:
        """Add `views` to the sum of `title` and return its entry."""
        self.reserve(1, len(title))
        return int(add(np.frombuffer(title, dtype=np.uint8), 0, len(title), views, self.key, *self.arrays))

    def to_arrow(self) -> tuple[pa.Array, pa.Array]:
        """Return (strings as large_binary, their sums as int64), in the order of first coming.

        They share the memory of the table, which is at its end: nothing may be added afterwards.
        """
        size, filled = len(self), int(self.used[ARENA])
        buffers = [None, buffer_of(self.starts[: size + 1]), buffer_of(self.arena[:filled])]
        return pa.Array.from_buffers(pa.large_binary(), size, buffers), pa.array(self.views[:size])


def _longer(array: npt.NDArray[Any], used: int, size: int) -> npt.NDArray[Any]:
    longer = np.empty(size, dtype=array.dtype)
    longer[:used] = array[:used]
    return longer


def title_buffers(titles: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (bytes, offsets) of a string or binary column without a null, not copied where it can be."""
    wide = titles.cast(pa.large_binary())
    if isinstance(wide, pa.ChunkedArray):
        wide = wide.combine_chunks()
    if len(wide) == 0:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    _, offsets, data = buffers_of(wide)
    bytes_ = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return bytes_, np.frombuffer(offsets, dtype=np.int64)[wide.offset : wide.offset + len(wide) + 1]
