"""The chances of all samples of a run, in a file of its folder: 4 bytes each, in the order of the shards.

In: the folders of shards with their indexes, and the cap. Out: ``shard_index/chances.bin``, the counts they come from,
and what is expected of an epoch, written last. Two passes over the sidecars, each in threads:

    sidecars -> captions of each query -> query_captions.parquet          counted
    sidecars, counts -> chance of each sample -> chances.bin              one shard after the other

In memory are the counts, once a thread, and a shard's lists of query ids a thread.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from schemas.arrow_types import schema_of, values_of
from schemas.shard_index import STRIDE, as_arrays
from schemas.shards_folder import TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import Folder
from schemas.stored_index import ShardIndex
from schemas.tables import read_table, write_table
from schemas.tables_dir import QUERIES_NAME, find_table
from trainer.data.balance.chances import (
    UNIT,
    Float64s,
    UInt32s,
    chances,
    count_queries,
    expected_size,
    missed_by_query,
    multiply_missed,
)
from trainer.data.balance.further_queries import FurtherQueries, further_queries
from trainer.data.balance.query_numbers import QueryNumbers, number_queries, without_queries
from trainer.data.balance.sidecar import IndexedTar, Int64s, TarQueries, check_columns, read_sidecar
from trainer.telling.reporter import Reporter, Silent

CHANCES_FILE, COUNTS_FILE, EXPECTED_FILE = "chances.bin", "query_captions.parquet", "expected.json"

CHANCE_BYTES = 4
PIECE = 1 << 22
"""Samples whose chances are in memory at a time when an epoch is drawn; a multiple of 8."""

MIN_REMOTE_THREADS = 16
"""Sidecars that are read at a time over a network."""

QUERY_CAPTIONS = schema_of(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("captions", pa.int64(), nullable=False),
    ]
)
"""A row a query: how many captions of all samples match it."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Expected:
    """What is known before the first epoch."""

    cap: int
    samples: list[int]
    """Of each folder."""
    drawn: list[int]
    """Samples of each folder that are expected to be drawn an epoch, in units of 1 / `UNIT`."""
    never: int
    """Samples without any query: they are never drawn."""


@dataclass(frozen=True)
class IndexedFolder:
    """A folder of shards and its index."""

    folder: Folder
    index: ShardIndex

    def tars(self) -> Iterator[IndexedTar]:
        for table in self.index.groups():
            arrays = as_arrays(table)
            numbers = np.arange(len(arrays.samples))
            offsets = arrays.begins(numbers, np.maximum(arrays.samples - 1, 0) // STRIDE * STRIDE)
            for number, name in enumerate(values_of(table["tar"])):
                yield IndexedTar(self.folder, name, int(arrays.samples[number]), int(offsets[number]))


def check_has_counts(folders: Sequence[Folder]) -> None:
    """Raise FileNotFoundError or ValueError that names a folder whose shards tell no queries: a cap has no counts."""
    for folder in folders:
        if not folder.exists(find_table(folder, QUERIES_NAME)):
            raise FileNotFoundError(without_queries(folder))
        sidecars = set(folder.names(suffix=TABLE_SUFFIX))
        first = ""
        for tar in folder.names(suffix=TAR_SUFFIX):
            name = tar.removesuffix(TAR_SUFFIX) + TABLE_SUFFIX
            if name not in sidecars:
                raise FileNotFoundError(
                    f"--balance online: {folder.path(tar)} has no {name} beside it, so a cap has no counts; expected a "
                    "folder made by pipeline download, or train without --balance"
                )
            first = first or name
        if first:
            check_columns(folder, first)


def prepare_chances(
    folders: Sequence[IndexedFolder], run: Folder, cap: int, threads: int, reporter: Reporter | None = None
) -> None:
    """Write the chances of all samples into the run's folder `run`, unless they are there; `reporter` shows how far.

    Raises FileNotFoundError or ValueError that names a folder without counts, or a sidecar which does not fit its tar.
    """
    if run.exists(EXPECTED_FILE):
        return
    check_has_counts([one.folder for one in folders])
    numbers = number_queries([one.folder for one in folders])
    reader = _Reader(folders, numbers, threads, reporter or Silent())
    if not run.exists(COUNTS_FILE):
        counts = reader.counts()
        columns = [numbers.queries["language"], numbers.queries["text"], pa.array(counts)]
        write_table(run, COUNTS_FILE, pa.table(columns, schema=QUERY_CAPTIONS), QUERY_CAPTIONS)
    counts = read_table(run, COUNTS_FILE, QUERY_CAPTIONS, ["captions"])["captions"].to_numpy()
    missed = missed_by_query(counts, cap)
    drawn, samples, never = [0] * len(folders), [0] * len(folders), 0
    with run.writing(CHANCES_FILE) as sink:
        for folder, found in reader.chances(missed):
            drawn[folder] += expected_size(found)
            samples[folder] += len(found)
            never += int(np.count_nonzero(found == 0))
            sink.write(np.ascontiguousarray(found, dtype="<u4"))
    run.write_json(EXPECTED_FILE, {"cap": cap, "samples": samples, "drawn": drawn, "unit": UNIT, "never": never})


def read_expected(run: Folder) -> Expected:
    """Return what `prepare_chances` found."""
    body = run.read_json(EXPECTED_FILE)
    return Expected(body["cap"], body["samples"], body["drawn"], body["never"])


class Chances:
    """The chances of some samples that stand side by side in a run's file."""

    def __init__(self, run: Folder, first: int, samples: int) -> None:
        self.run, self._first, self.samples = run, first, samples

    def pieces(self) -> Iterator[UInt32s]:
        """Yield the chances, `PIECE` at a time.

        Raises ValueError that names the file when it is cut.
        """
        with self.run.open(CHANCES_FILE) as raw:
            raw.seek(self._first * CHANCE_BYTES)
            for at in range(0, self.samples, PIECE):
                wanted = min(PIECE, self.samples - at) * CHANCE_BYTES
                data = raw.read(wanted)
                if len(data) != wanted:
                    raise ValueError(
                        f"{self.run.path(CHANCES_FILE)}: the file is cut off; expected {CHANCE_BYTES} bytes for each "
                        f"sample; delete it and {EXPECTED_FILE}, then the same command makes them again"
                    )
                yield np.frombuffer(data, dtype="<u4").astype(np.uint32, copy=False)


class _Reader:
    """Reads all sidecars, in threads."""

    def __init__(
        self, folders: Sequence[IndexedFolder], numbers: QueryNumbers, threads: int, reporter: Reporter
    ) -> None:
        self._tars = [(number, tar) for number, one in enumerate(folders) for tar in one.tars() if tar.samples]
        self._numbers = numbers
        self._further: FurtherQueries = further_queries([one.folder for one in folders], numbers)
        local = all(one.folder.local for one in folders)
        self._threads = threads if local else max(threads, MIN_REMOTE_THREADS)
        self._sizes = [one.folder.sizes(TABLE_SUFFIX) for one in folders]
        self._reporter = reporter

    def counts(self) -> Int64s:
        """Return how many captions match each query; each sidecar is checked against its tar."""
        own, all_counts, lock = threading.local(), [np.zeros(len(self._numbers), dtype=np.int64)], threading.Lock()

        def count(numbered: tuple[int, IndexedTar]) -> None:
            if not hasattr(own, "counts"):
                own.counts = np.zeros(len(self._numbers), dtype=np.int64)
                with lock:
                    all_counts.append(own.counts)
            found = self._read(*numbered, check_key=True)
            count_queries(found.starts[:-1], found.starts[1:], found.ids, own.counts)
            if self._further:
                count_queries(*self._further.ranges(found.images), self._further.ids, own.counts)

        for _ in self._shown("captions of each query", count):
            pass
        return np.sum(all_counts, axis=0, dtype=np.int64)

    def chances(self, missed_by: Float64s) -> Iterator[tuple[int, UInt32s]]:
        """Yield the number of the folder and the samples' chances of each tar, in their order."""

        def made(numbered: tuple[int, IndexedTar]) -> tuple[int, UInt32s]:
            found = self._read(*numbered, check_key=False)
            missed = np.ones(len(found.starts) - 1)
            multiply_missed(found.starts[:-1], found.starts[1:], found.ids, missed_by, missed)
            if self._further:
                multiply_missed(*self._further.ranges(found.images), self._further.ids, missed_by, missed)
            return numbered[0], chances(missed)

        yield from self._shown("chances of the samples", made)

    def _shown(self, title: str, make: Callable[[tuple[int, IndexedTar]], Result]) -> Iterator[Result]:
        """Yield what `make` makes of each tar, in order, and show how many bytes of the sidecars are read."""
        sizes = [
            max(0, self._sizes[number].get(tar.name.removesuffix(TAR_SUFFIX) + TABLE_SUFFIX, 0))
            for number, tar in self._tars
        ]
        done, total = 0, sum(sizes)
        for size, result in zip(sizes, _in_order(make, self._tars, self._threads), strict=True):
            done += size
            if total:  # a web server may list files without their sizes
                self._reporter.work(title, done, total)
            yield result

    def _read(self, number: int, tar: IndexedTar, *, check_key: bool) -> TarQueries:
        of_folder = self._numbers.of_folder[number]
        return read_sidecar(tar, of_folder, with_images=bool(self._further), check_key=check_key)


def _in_order(make: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield ``make(item)`` of each item in order, made by threads a few ahead: not all results are ever held."""
    rest = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="sidecars") as pool:
        ahead: deque[Future[Result]] = deque(pool.submit(make, item) for item in itertools.islice(rest, 4 * threads))
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(make, item) for item in itertools.islice(rest, 1))
        finally:
            for future in ahead:
                future.cancel()
