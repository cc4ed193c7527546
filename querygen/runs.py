"""A run of counts on disk: two Arrow files, the bigrams in record batches by the hash of their first word.

A batch is a partition: the bigrams whose first word's hash begins with the same 8 bits. So a merge reads one
partition of every run at a time, and its memory is bounded.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc as ipc

from querygen.ngrams import Run
from schemas.storage import FileRecord, Folder

NUM_PARTITIONS = 256
_PARTITION_SHIFT = np.uint64(56)

SURFACES = pa.schema(
    [
        pa.field("word_hash", pa.uint64()),
        pa.field("surface_hash", pa.uint64()),
        pa.field("count", pa.int64()),
        pa.field("surface", pa.large_string()),
    ]
)
_PAIRS = pa.schema([pa.field("first", pa.uint32()), pa.field("second", pa.uint32()), pa.field("count", pa.uint32())])
_COMPRESSED = ipc.IpcWriteOptions(compression="lz4", use_threads=False)


def write_run(folder: Folder, name: str, run: Run) -> list[FileRecord]:
    """Write ``{name}.surfaces.arrow`` and ``{name}.bigrams.arrow``; return their records."""
    records = []
    with folder.writing(f"{name}.surfaces.arrow") as sink:
        with ipc.new_file(pa.PythonFile(sink, mode="w"), SURFACES, options=_COMPRESSED) as writer:
            writer.write_table(run.surfaces.cast(SURFACES), max_chunksize=1 << 20)
    records.append(FileRecord(f"{name}.surfaces.arrow", len(run.surfaces), sink.bytes, sink.sha256))
    rows = partition_starts(run.surfaces["word_hash"].to_numpy())
    places = np.searchsorted(run.first, rows).astype(np.int64)
    places[-1] = len(run.first)
    with folder.writing(f"{name}.bigrams.arrow") as sink:
        with ipc.new_file(pa.PythonFile(sink, mode="w"), _PAIRS, options=_COMPRESSED) as writer:
            for start, end in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
                columns = [pa.array(column[start:end]) for column in (run.first, run.second, run.counts)]
                writer.write_batch(pa.record_batch(columns, schema=_PAIRS))
    records.append(FileRecord(f"{name}.bigrams.arrow", len(run.first), sink.bytes, sink.sha256))
    return records


def partition_starts(word_hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return where each partition begins in sorted hashes, and their number at the end."""
    edges = np.arange(NUM_PARTITIONS, dtype=np.uint64) << _PARTITION_SHIFT
    return np.append(np.searchsorted(word_hashes, edges), len(word_hashes)).astype(np.int64)


def read_surfaces(folder: Folder, name: str, columns: list[str]) -> pa.Table:
    """Return some columns of the spellings of run `name`."""
    fields = [SURFACES.get_field_index(column) for column in columns]
    with folder.open(f"{name}.surfaces.arrow") as raw:
        reader = ipc.open_file(raw, options=ipc.IpcReadOptions(included_fields=sorted(fields), use_threads=False))
        return reader.read_all().select(columns)


class BigramReader:
    """The bigrams of one run, a few partitions at a time; closes with the block."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._raw = folder.open(f"{name}.bigrams.arrow")
        self._reader = ipc.open_file(self._raw, options=ipc.IpcReadOptions(use_threads=False))

    def __enter__(self) -> "BigramReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._raw.close()

    def read(self, begin: int, end: int) -> tuple[Any, Any, Any]:
        """Return (first, second, count) arrays of partitions ``begin .. end - 1``."""
        batches = [self._reader.get_batch(partition) for partition in range(begin, end)]
        table = pa.Table.from_batches(batches, schema=_PAIRS)
        return tuple(table[column].to_numpy() for column in _PAIRS.names)  # type: ignore[return-value]
