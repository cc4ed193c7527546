"""A run of counts on disk: two Arrow files, words and bigrams by the first bits of a hash.

    NAME.surfaces.arrow   a row per range: its number of words, their hashes, sizes and counts, spellings
    NAME.bigrams.arrow    a row per partition: its number of bigrams and, packed, the bigrams

A range is the words whose hash begins with the same 6 bits, a partition the bigrams whose first word's hash begins with
the same 8 bits. So a merge reads one range, or one partition, of every run at a time, and its memory is bounded. Not
compressed: hashes cannot be, and the rest is packed by `querygen.counts.run_codec`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc as ipc

from querygen.counts.run_codec import (
    BROKEN,
    MAX_BYTES_PER_HEAD,
    MAX_BYTES_PER_PAIR,
    decode_heads,
    decode_pairs,
    encode_heads,
    encode_pairs,
)
from querygen.counts.sorted_run import Run
from querygen.text.spelling_table import bytes_hash
from querygen.text.word_scan import MAX_WORD_BYTES
from schemas.arrow_types import arrow_file, buffer_of, schema_of
from schemas.checked import check_arrow
from schemas.kernels.byte_copy import copy_bytes, gathered
from schemas.kernels.compiled import kernel
from schemas.storage import FileRecord, Folder

RunName = tuple[str, str]
"""(folder, name) of a run."""

NUM_RANGES = 64
NUM_PARTITIONS = 256
KEPT_BYTES = 1 << 30

_SURFACES = schema_of(
    [
        pa.field("num_words", pa.int64()),
        pa.field("word_hashes", pa.large_binary()),
        pa.field("sizes_counts", pa.large_binary()),
        pa.field("spellings", pa.large_binary()),
    ]
)
_BIGRAMS = schema_of([pa.field("num_pairs", pa.int64()), pa.field("pairs", pa.large_binary())])
_NOT_THREADED = ipc.IpcReadOptions(use_threads=False)


@dataclass(frozen=True, kw_only=True)
class RunSurfaces:
    """The spellings of one range of a run, sorted by (word_hash, hash of the spelling)."""

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
        ends = np.cumsum(self.size, dtype=np.int64)[chosen]
        offsets, data = gathered(self.data, ends - self.size[chosen], ends)
        found = pa.LargeStringArray.from_buffers(len(offsets) - 1, buffer_of(offsets), buffer_of(data))
        return cast(pa.LargeStringArray, found)

    def hash(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
        """Return the hashes of the chosen spellings: what rows of one word are sorted by."""
        hashes: npt.NDArray[np.uint64] = _hash(self.size, self.data, chosen)
        return hashes


def write_run(folder: Folder, name: str, run: Run) -> list[FileRecord]:
    """Write the two files of a run; return their records."""
    return [
        _write_file(folder, f"{name}.surfaces.arrow", len(run.word_hash), _SURFACES, _surface_rows(run)),
        _write_file(folder, f"{name}.bigrams.arrow", len(run.first), _BIGRAMS, _bigram_rows(run)),
    ]


def _surface_rows(run: Run) -> Iterator[list[pa.Array]]:
    places = part_starts(run.word_hash, NUM_RANGES)
    ends = np.concatenate(([0], np.cumsum(run.size, dtype=np.int64)))[places]
    room = np.empty(MAX_BYTES_PER_HEAD * int(np.diff(places).max()), np.uint8)
    for number in range(NUM_RANGES):
        begin, end = int(places[number]), int(places[number + 1])
        used = encode_heads(run.size, run.count, begin, end, room)
        spellings = run.data[ends[number] : ends[number + 1]]
        yield [pa.array([end - begin]), _blob(run.word_hash[begin:end]), _blob(room[:used]), _blob(spellings)]


def _bigram_rows(run: Run) -> Iterator[list[pa.Array]]:
    # Of one type: searchsorted would copy all pairs to the other's.
    places = np.searchsorted(run.first, part_starts(run.word_hash, NUM_PARTITIONS).astype(np.uint32)).astype(np.int64)
    places[-1] = len(run.first)
    room = np.empty(MAX_BYTES_PER_PAIR * int(np.diff(places).max()), np.uint8)
    for number in range(NUM_PARTITIONS):
        begin, end = int(places[number]), int(places[number + 1])
        used = encode_pairs(run.first, run.second, run.counts, begin, end, room)
        yield [pa.array([end - begin]), _blob(room[:used])]


def _write_file(
    folder: Folder, name: str, num_rows: int, schema: pa.Schema, rows: Iterator[list[pa.Array]]
) -> FileRecord:
    with folder.writing(name) as sink:
        with ipc.new_file(arrow_file(sink, mode="w"), schema) as writer:
            for row in rows:
                writer.write_batch(pa.record_batch(row, schema=schema))
    return FileRecord(name, num_rows, sink.bytes, sink.sha256)


def _blob(array: npt.NDArray[Any]) -> pa.Array:
    """Return the bytes of `array`, not copied, as one value."""
    offsets = np.array([0, array.nbytes], np.int64)
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, buffer_of(offsets), buffer_of(array)])


def part_starts(word_hashes: npt.NDArray[np.uint64], number: int) -> npt.NDArray[np.int64]:
    """Return where each of `number` (a power of two) equal parts of all hashes begins in sorted ones, and their end."""
    edges = np.arange(number, dtype=np.uint64) << np.uint64(65 - number.bit_length())
    return np.append(np.searchsorted(word_hashes, edges), len(word_hashes)).astype(np.int64)


def read_surfaces(run: RunName, begin: int = 0, end: int = NUM_RANGES) -> Iterator[RunSurfaces]:
    """Yield the words of ranges ``begin .. end - 1`` of `run`, range by range."""
    where = Folder(run[0]).path(f"{run[1]}.surfaces.arrow")
    with _open(Folder(run[0]), f"{run[1]}.surfaces.arrow") as raw:
        reader = _reader(raw, where, _SURFACES, NUM_RANGES)
        for number in range(begin, end):
            num_words, hashes, heads, spellings = _row(reader, number, where)
            word_hash, data = np.frombuffer(hashes, np.uint64), np.frombuffer(spellings, np.uint8)
            size, count = np.empty(len(word_hash), np.uint16), np.empty(len(word_hash), np.uint32)
            num_bytes = decode_heads(np.frombuffer(heads, np.uint8), MAX_WORD_BYTES, size, count)
            if num_words != len(word_hash) or num_bytes != len(data):
                raise _changed(where)
            yield RunSurfaces(word_hash=word_hash, count=count, size=size, data=data)


class SurfaceReader:
    """The words of one range of runs, which are read twice: kept in memory as far as `max_bytes` go."""

    def __init__(self, number: int, max_bytes: int = KEPT_BYTES) -> None:
        self._number = number
        self._kept: dict[RunName, RunSurfaces] = {}
        self._room = max_bytes

    def read(self, run: RunName) -> RunSurfaces:
        """Return the words of `run`."""
        found = self._kept.get(run)
        if found is None:
            (found,) = read_surfaces(run, self._number, self._number + 1)
            if found.num_bytes <= self._room:
                self._room -= found.num_bytes
                self._kept[run] = found
        return found


def _reader(raw: Any, where: str, schema: pa.Schema, num_rows: int) -> ipc.RecordBatchFileReader:
    """Return the reader of a file of `schema` and so many rows. Raises ValueError that names another."""
    try:
        reader = ipc.open_file(raw, options=_NOT_THREADED)
    except pa.ArrowException:
        raise _changed(where) from None
    if not reader.schema.equals(schema) or reader.num_record_batches != num_rows:
        raise _changed(where)
    return reader


def _row(reader: ipc.RecordBatchFileReader, number: int, where: str) -> list[Any]:
    """Return the one row of a batch: a number, then buffers. Raises ValueError that names the file."""
    try:
        batch = reader.get_batch(number)
    except pa.ArrowException:
        raise _changed(where) from None
    check_arrow(batch, where)
    if len(batch) != 1 or any(column.null_count for column in batch.columns):
        raise _changed(where)
    number_of, *blobs = batch.columns
    values = [blob[0].as_buffer() for blob in blobs]
    if any(value.size % 8 for value in values[: len(values) - 2]):  # the hashes
        raise _changed(where)
    return [number_of[0].as_py(), *values]


def _changed(where: str) -> ValueError:
    return ValueError(f"{where}: no counts as they are written; the file was changed or damaged, count it again")


def _open(folder: Folder, name: str) -> Any:
    """Open a file for Arrow: local ones without a copy."""
    return pa.memory_map(folder.path(name)) if folder.local else folder.open(name)


class BigramReader:
    """The bigrams of one run, a few partitions at a time; closes with the block."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._where = folder.path(f"{name}.bigrams.arrow")
        self._raw = _open(folder, f"{name}.bigrams.arrow")
        self._reader = _reader(self._raw, self._where, _BIGRAMS, NUM_PARTITIONS)

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
        rows = [_row(self._reader, partition, self._where) for partition in range(begin, end)]
        if not all(0 <= 2 * num_pairs <= packed.size for num_pairs, packed in rows):  # a pair has two bytes or more
            raise _changed(self._where)
        room = sum(num_pairs for num_pairs, _ in rows)
        keys, counts = np.empty(room, np.uint64), np.empty(room, np.int64)
        used = 0
        for _, packed in rows:
            found = decode_pairs(np.frombuffer(packed, np.uint8), numbers, keys[used:], counts[used:])
            if found == BROKEN:
                raise _changed(self._where)
            used += found
        return keys[:used], counts[:used]


@kernel
def _hash(sizes, data, chosen):
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
            copy_bytes(data, place, place + size, spelling, 0)
            hashes[found] = bytes_hash(chunks, 0, size)  # what is behind the spelling does not count
            found += 1
        place += size
    return hashes
