"""A run of counts on disk: two Arrow files, the bigrams by the hash of their first word.

    NAME.surfaces.arrow   one row: the hashes, counts and spellings of all words, sorted as `querygen.ngrams` does
    NAME.bigrams.arrow    a row per partition: its number of bigrams and, packed, the bigrams

A partition is the bigrams whose first word's hash begins with the same 8 bits. So a merge reads one partition of every
run at a time, and its memory is bounded.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc as ipc

from querygen.ngrams import Run
from querygen.pair_codec import MAX_BYTES_PER_PAIR, decode_pairs, encode_pairs
from querygen.word_scan import MAX_WORD_BYTES, bytes_hash
from schemas.storage import FileRecord, Folder

RunName = tuple[str, str]
"""(folder, name) of a run."""

NUM_PARTITIONS = 256
KEPT_BYTES = 1 << 30
_PARTITION_SHIFT = np.uint64(56)

_SURFACES = pa.schema(
    [
        pa.field("word_hash", pa.large_list(pa.uint64())),
        pa.field("count", pa.large_list(pa.uint32())),
        pa.field("size", pa.large_list(pa.uint16())),
        pa.field("bytes", pa.large_binary()),
    ]
)
_BIGRAMS = pa.schema([pa.field("num_pairs", pa.int64()), pa.field("pairs", pa.large_binary())])
_COMPRESSED = ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_NOT_THREADED = ipc.IpcReadOptions(use_threads=False)


@dataclass(frozen=True, kw_only=True)
class RunSurfaces:
    """The spellings of a run, sorted by (word_hash, hash of the spelling)."""

    word_hash: npt.NDArray[np.uint64]
    count: npt.NDArray[np.uint32]
    size: npt.NDArray[np.uint16]
    """Bytes of each spelling."""
    data: npt.NDArray[np.uint8]
    """All spellings, one behind the other."""

    @property
    def num_bytes(self) -> int:
        """What it takes in memory."""
        return self.word_hash.nbytes + self.count.nbytes + self.size.nbytes + self.data.nbytes

    def take(self, chosen: npt.NDArray[np.bool_]) -> pa.LargeStringArray:
        """Return the chosen spellings."""
        offsets, data = _take(self.size, self.data, chosen)
        return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))

    def hash(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
        """Return the hashes of the chosen spellings: what rows of one word are sorted by."""
        hashes: npt.NDArray[np.uint64] = _hash(self.size, self.data, chosen)
        return hashes


def write_run(folder: Folder, name: str, run: Run) -> list[FileRecord]:
    """Write the two files of a run; return their records."""
    values = (run.word_hash, run.count, run.size)
    ends = np.array([0, len(run.word_hash)], np.int64)
    lists = [pa.LargeListArray.from_arrays(pa.array(ends), pa.array(value)) for value in values]
    spellings = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 1, [None, pa.py_buffer(np.array([0, len(run.data)], np.int64)), pa.py_buffer(run.data)]
    )
    packed = pa.BufferOutputStream()  # Arrow writes many small pieces
    with ipc.new_file(packed, _SURFACES, options=_COMPRESSED) as writer:
        writer.write_batch(pa.record_batch([*lists, spellings], schema=_SURFACES))
    records = [folder.write(f"{name}.surfaces.arrow", packed.getvalue(), len(run.word_hash))]
    # Of one type: searchsorted would copy all pairs to the other's.
    places = np.searchsorted(run.first, partition_starts(run.word_hash).astype(np.uint32)).astype(np.int64)
    places[-1] = len(run.first)
    sizes = np.diff(places)
    room = np.empty(MAX_BYTES_PER_PAIR * int(sizes.max()), np.uint8)
    packed = pa.BufferOutputStream()
    with ipc.new_file(packed, _BIGRAMS) as writer:
        for start, end in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
            used = encode_pairs(run.first, run.second, run.counts, start, end, room)
            row = [pa.array([end - start]), pa.array([room[:used].tobytes()], pa.large_binary())]
            writer.write_batch(pa.record_batch(row, schema=_BIGRAMS))
    records.append(folder.write(f"{name}.bigrams.arrow", packed.getvalue(), len(run.first)))
    return records


def partition_starts(word_hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return where each partition begins in sorted hashes, and their number at the end."""
    edges = np.arange(NUM_PARTITIONS, dtype=np.uint64) << _PARTITION_SHIFT
    return np.append(np.searchsorted(word_hashes, edges), len(word_hashes)).astype(np.int64)


def read_surfaces(folder: Folder, name: str) -> RunSurfaces:
    """Return the words of run `name`."""
    with _open(folder, f"{name}.surfaces.arrow") as raw:
        batch = ipc.open_file(raw, options=_NOT_THREADED).get_batch(0)
    return RunSurfaces(
        word_hash=batch.column(0).values.to_numpy(),
        count=batch.column(1).values.to_numpy(),
        size=batch.column(2).values.to_numpy(),
        data=np.frombuffer(batch.column(3).buffers()[2] or b"", np.uint8),
    )


def read_surface_range(run: RunName, begin: int, end: int) -> RunSurfaces:
    """Return the words of `run` whose hash is in ``[begin, end)``."""
    whole = read_surfaces(Folder(run[0]), run[1])
    first = int(np.searchsorted(whole.word_hash, np.uint64(begin)))
    last = len(whole.word_hash) if end >= 1 << 64 else int(np.searchsorted(whole.word_hash, np.uint64(end)))
    if (first, last) == (0, len(whole.word_hash)):
        return whole
    start = int(whole.size[:first].sum(dtype=np.int64))
    stop = start + int(whole.size[first:last].sum(dtype=np.int64))
    return RunSurfaces(  # copies: the rest is let go
        word_hash=whole.word_hash[first:last].copy(),
        count=whole.count[first:last].copy(),
        size=whole.size[first:last].copy(),
        data=whole.data[start:stop].copy(),
    )


class SurfaceReader:
    """The words of runs with hashes in one range, which are read twice: kept in memory as far as `max_bytes` go."""

    def __init__(self, begin: int = 0, end: int = 1 << 64, max_bytes: int = KEPT_BYTES) -> None:
        self._range = begin, end
        self._kept: dict[RunName, RunSurfaces] = {}
        self._room = max_bytes

    def read(self, run: RunName) -> RunSurfaces:
        """Return the words of `run`."""
        found = self._kept.get(run)
        if found is None:
            found = read_surface_range(run, *self._range)
            if found.num_bytes <= self._room:
                self._room -= found.num_bytes
                self._kept[run] = found
        return found


def _open(folder: Folder, name: str) -> Any:
    """Open a file for Arrow: local ones without Python in between."""
    return pa.OSFile(folder.path(name)) if folder.local else folder.open(name)


class BigramReader:
    """The bigrams of one run, a few partitions at a time; closes with the block."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._raw = _open(folder, f"{name}.bigrams.arrow")
        self._reader = ipc.open_file(self._raw, options=_NOT_THREADED)

    def __enter__(self) -> "BigramReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._raw.close()

    def read(
        self, begin: int, end: int, numbers: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Return (``numbers[first] << 32 | numbers[second]``, count) of the bigrams of partitions ``begin .. end - 1``.

        Left out are those of which a number is below 0. The pairs are sorted if `numbers` are.
        """
        batches = [self._reader.get_batch(partition) for partition in range(begin, end)]
        room = sum(batch.column(0)[0].as_py() for batch in batches)
        keys, counts = np.empty(room, np.uint64), np.empty(room, np.int64)
        used = 0
        for batch in batches:
            packed = np.frombuffer(batch.column(1)[0].as_buffer(), np.uint8)
            used += decode_pairs(packed, numbers, keys[used:], counts[used:])
        return keys[:used], counts[:used]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _take(sizes, data, chosen):  # type: ignore[no-untyped-def]
    """Return (offsets, bytes) of the chosen spellings."""
    num = 0
    num_bytes = 0
    for row in range(len(sizes)):
        if chosen[row]:
            num += 1
            num_bytes += sizes[row]
    offsets = np.zeros(num + 1, np.int64)
    taken = np.empty(num_bytes, np.uint8)
    place = np.int64(0)
    found = 0
    for row in range(len(sizes)):
        if chosen[row]:
            start = offsets[found]
            for k in range(sizes[row]):
                taken[start + k] = data[place + k]
            offsets[found + 1] = start + sizes[row]
            found += 1
        place += sizes[row]
    return offsets, taken


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _hash(sizes, data, chosen):  # type: ignore[no-untyped-def]
    """Return `bytes_hash` of the chosen spellings, each copied to where it is aligned."""
    num = 0
    for row in range(len(sizes)):
        num += chosen[row]
    hashes = np.empty(num, np.uint64)
    chunks = np.zeros(MAX_WORD_BYTES // 8 + 2, np.uint64)
    spelling = chunks.view(np.uint8)
    place = np.int64(0)
    found = 0
    for row in range(len(sizes)):
        size = np.int64(sizes[row])
        if chosen[row]:
            for k in range(size):
                spelling[k] = data[place + k]
            hashes[found] = bytes_hash(chunks, 0, size)  # what is behind the spelling does not count
            found += 1
        place += size
    return hashes
