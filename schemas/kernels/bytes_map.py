"""A map of byte strings to the numbers 0, 1, 2 ... in the order of their first coming, exact and safe from strangers.

The strings lie one after the other in an arena; a slot holds 32 bits of the hash and the number of the entry, so that
a string is compared only where the bits agree, and growing never hashes again:

    slots    [0][tag|entry + 1][0][tag|entry + 1] ...     a power of two, at most three quarters taken; 0: free
    starts   [0, 5, 12 ...]    arena  b"ParisNew ..."
    beside   [31, 4, ...]                                 what is known of each entry: the caller's array

A string's home is the slot of its tag; where another is, the next free one, round the end. Kernels add without a look
at what is left: `BytesMap.reserve` makes room before, doubling the slots. The hash is keyed anew in every process, so
nobody can prepare strings that collide; results do not depend on it. Memory: 11 to 22 bytes of slots, 8 bytes and the
string itself per entry; the reserve behind the arrays is not touched, so it takes no memory.

Two tables are of another shape, each for its speed: `querygen.text.spelling_table` keeps the count of a spelling in its
slot, `pipeline.match.query_table` the entry of a prefix, so that a look-up waits for one cache line and not for three.
"""

import secrets
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import buffer_of
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.compiled import leaf
from schemas.kernels.folding import finish_hash

ENTRIES, ARENA_BYTES = range(2)
"""Places in `MapArrays.used`."""

_FIRST_SLOTS = 1 << 12
_MAX_SLOTS = 1 << 32
_KEY = np.uint64(secrets.randbits(64))
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_ENTRY_BITS = np.uint64(0xFFFFFFFF)


class MapArrays(NamedTuple):
    """What the kernels work on; `BytesMap.reserve` replaces it."""

    key: np.uint64
    slots: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    arena: npt.NDArray[np.uint8]
    used: npt.NDArray[np.int64]
    """How many entries there are, and how many bytes of them."""


@leaf
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


@leaf
def find(data, begin, end, strings):
    """Return (entry of ``data[begin:end]`` or -1, the slot where the search ended, the slot's tag)."""
    slots, starts, arena = strings.slots, strings.starts, strings.arena
    tag = hash_bytes(data, begin, end, strings.key) >> np.uint64(32)
    mask = len(slots) - 1
    place = np.int64(tag) & mask
    while True:
        slot = slots[place]
        if slot == 0:
            return -1, place, tag
        if slot >> np.uint64(32) == tag:
            entry = np.int64(slot & _ENTRY_BITS) - 1
            start = starts[entry]
            size = end - begin
            if starts[entry + 1] - start == size:
                k = 0
                while k < size and arena[start + k] == data[begin + k]:
                    k += 1
                if k == size:
                    return entry, place, tag
        place = (place + 1) & mask


@leaf
def guess(data, begin, end, strings):
    """Return the entry in the home slot of ``data[begin:end]`` where the hashes agree, else -1."""
    tag = hash_bytes(data, begin, end, strings.key) >> np.uint64(32)
    slot = strings.slots[np.int64(tag) & (len(strings.slots) - 1)]
    return np.int64(slot & _ENTRY_BITS) - 1 if slot >> np.uint64(32) == tag else -1


@leaf
def enter(data, begin, end, strings):
    """Return the entry of ``data[begin:end]``, the next number where it is new: there must be room for it."""
    entry, place, tag = find(data, begin, end, strings)
    if entry >= 0:
        return entry
    used = strings.used
    entry = used[ENTRIES]
    strings.starts[entry + 1] = copy_bytes(data, begin, end, strings.arena, used[ARENA_BYTES])
    strings.slots[place] = (tag << np.uint64(32)) | np.uint64(entry + 1)
    used[ENTRIES] = entry + 1
    used[ARENA_BYTES] = strings.starts[entry + 1]
    return entry


@leaf
def _move_slots(old, new):
    mask = len(new) - 1
    for slot in old:
        if slot != 0:
            place = np.int64(slot >> np.uint64(32)) & mask
            while new[place] != 0:
                place = (place + 1) & mask
            new[place] = slot


@leaf
def _enter_many(data, begins, ends, entries, strings):
    for row in range(len(entries)):
        entries[row] = enter(data, begins[row], ends[row], strings)


class BytesMap:
    """Numbers of byte strings. Kernels that add themselves call `reserve` and hand on `arrays`."""

    def __init__(self) -> None:
        self.arrays = MapArrays(
            key=_KEY,
            slots=np.zeros(_FIRST_SLOTS, dtype=np.uint64),
            starts=np.zeros(_FIRST_SLOTS + 1, dtype=np.int64),
            arena=np.empty(_FIRST_SLOTS * 32, dtype=np.uint8),
            used=np.zeros(2, dtype=np.int64),
        )

    def __len__(self) -> int:
        return int(self.arrays.used[ENTRIES])

    @property
    def room(self) -> int:
        """Entries for which there are places."""
        return len(self.arrays.starts) - 1

    def reserve(self, num_strings: int, num_bytes: int) -> None:
        """Make room for so many more strings of so many bytes in all."""
        _, slots, starts, arena, used = self.arrays
        entries, filled = len(self) + num_strings, int(used[ARENA_BYTES]) + num_bytes
        size = len(slots)
        while 4 * entries > 3 * size:
            size *= 2
        if size > _MAX_SLOTS:
            raise OverflowError("a table holds at most 3 billion strings")
        if entries > self.room:
            starts = longer(starts, len(self) + 1, entries + self.room // 2 + 1)
        if filled > len(arena):
            arena = longer(arena, int(used[ARENA_BYTES]), filled + len(arena) // 2)
        if size > len(slots):
            larger = np.zeros(size, dtype=np.uint64)
            _move_slots(slots, larger)
            slots = larger
        self.arrays = self.arrays._replace(slots=slots, starts=starts, arena=arena)

    def enter_many(
        self, data: npt.NDArray[np.uint8], begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return the entry of each string ``data[begins[i]:ends[i]]``, made where it is new."""
        self.reserve(len(begins), int((ends - begins).sum()))
        entries = np.empty(len(begins), dtype=np.int64)
        _enter_many(data, begins, ends, entries, self.arrays)
        return entries

    def enter_one(self, string: bytes) -> int:
        """Return the entry of `string`, made where it is new."""
        self.reserve(1, len(string))
        return int(enter(np.frombuffer(string, dtype=np.uint8), 0, len(string), self.arrays))

    def to_arrow(self) -> pa.Array:
        """Return the strings as large_binary, by entry.

        They share the memory of the map, which is at its end: nothing may be added afterwards.
        """
        _, _, starts, arena, used = self.arrays
        buffers = [None, buffer_of(starts[: len(self) + 1]), buffer_of(arena[: int(used[ARENA_BYTES])])]
        return pa.Array.from_buffers(pa.large_binary(), len(self), buffers)


def longer(array: npt.NDArray[Any], used: int, size: int) -> npt.NDArray[Any]:
    """Return an array of `size` items that begins with the first `used` of `array`."""
    made = np.empty(size, dtype=array.dtype)
    made[:used] = array[:used]
    return made
