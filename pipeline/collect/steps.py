"""The Beam steps of collect: they route and count, the pure functions beside them do the work."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from pipeline.collect.config import CollectOptions
from pipeline.collect.deduplicate import (
    COPIES,
    Reduction,
    gathered,
    num_copies,
    partition_of,
    split,
    with_copies,
    without_null_columns,
)
from pipeline.collect.drops import DROPS, SampledDrops, drops_of
from pipeline.collect.extra_columns import with_settled
from pipeline.collect.extract import ALL_DROPPED, DROPPED, extract_split, extract_table
from pipeline.collect.repeated import (
    REPEATED_CAPTION,
    REPEATED_CAPTIONS,
    caption_images,
    caption_partition,
    is_repeated,
    lowest_images,
    repeated_captions,
)
from pipeline.filter.filters import Filters
from pipeline.match.query_matcher import QueryMatcher, matched_columns
from pipeline.runners.failures import names_element
from pipeline.shuffle.elements import bounded
from pipeline.sources.source import InputSplit, Source
from schemas.candidate import candidate_schema
from schemas.query_list import read_queries
from schemas.storage import FileRecord, Folder
from schemas.tables import read_stream, read_table, write_table
from schemas.units import commit_unit, read_unit

NAMESPACE = "collect"
"""Of the counters; their names are those of the report."""

DUPLICATES, CANDIDATES = "duplicates", "candidates"
CAPTIONS_PER_IMAGE = "captions_per_image"
"""Reason of the rows that an image had beyond its first captions: counted, not sampled."""

PARTITIONS = "partitions"
REPEATED = "repeated"
DROPPED_PARTS = "dropped"
"""Folders of the commit objects of partitions, of repeated captions by partition, and of what parts lost to them."""


ROWS_KEPT = "rows_kept"
"""Of a partition: the rows that its pairs stand for."""


@dataclass(frozen=True)
class Part:
    """One split's matched candidates: a file in the candidates folder."""

    record: FileRecord

    @property
    def name(self) -> str:
        return self.record.name


class _SharedMatcher:
    """Holds the matcher weakly, as `Shared` asks."""

    def __init__(self, options: CollectOptions) -> None:
        self.matcher = QueryMatcher(read_queries(Folder(options.queries), matched_columns(options.match_rule)), options)


class ExtractSplit(beam.DoFn):
    """InputSplit in; writes and commits the split's part, gives its counts as counters."""

    def __init__(self, source: Source, options: CollectOptions, output_url: str, shared: Shared) -> None:
        self._source, self._options, self._output_url, self._shared = source, options, output_url, shared

    def setup(self) -> None:
        self._output = Folder(self._output_url)
        self._holder = self._shared.acquire(self._make_matcher)
        self._filters = Filters(self._options)

    def _make_matcher(self) -> _SharedMatcher:
        return _SharedMatcher(self._options)

    @names_element
    def process(self, element: InputSplit) -> Iterator[str]:
        extract = partial(extract_table, matcher=self._holder.matcher, filters=self._filters, options=self._options)
        counts = extract_split(element, self._source, extract, self._output)
        for name, value in counts.items():
            Metrics.counter(NAMESPACE, name).inc(value)
        yield element.name


class ReadCaptions(beam.DoFn):
    """Part in, (partition, `CAPTION_IMAGES` table) out: of each caption no more images than decide."""

    def __init__(self, output_url: str, num_partitions: int, limit: int, wanted: frozenset[int]) -> None:
        self._output_url, self._num_partitions, self._limit = output_url, num_partitions, limit
        self._wanted = wanted

    @names_element
    def process(self, element: Part) -> Iterator[tuple[int, pa.Table]]:
        part = read_stream(Folder(self._output_url), element.name, element.record)
        for table in gathered(caption_images(t) for t in part):
            lowest = lowest_images(table, self._limit)
            partition = caption_partition(lowest["caption"].to_numpy(), self._num_partitions)
            yield from _pieces(lowest, partition, self._wanted)


class WriteRepeatedCaptions(beam.DoFn):
    """(partition, tables) in; writes the repeated captions of the partition and commits them."""

    def __init__(self, output_url: str, limit: int) -> None:
        self._output_url, self._limit = output_url, limit

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[int]:
        number, tables = element
        write_repeated(Folder(self._output_url), number, repeated_captions(tables, self._limit))
        yield number


def write_repeated(output: Folder, number: int, captions: npt.NDArray[np.uint64]) -> None:
    """Write the repeated captions of a partition and commit them."""
    table = pa.Table.from_arrays([pa.array(captions, pa.uint64())], schema=REPEATED_CAPTIONS)
    record = write_table(output, f"{REPEATED}/{number:05d}.parquet", table, REPEATED_CAPTIONS)
    commit_unit(output, f"{REPEATED}/{number:05d}.json", [record], {})


class _SharedCaptions:
    """The repeated captions of all partitions: 8 bytes each, once per process. Held weakly, as `Shared` asks."""

    def __init__(self, output_url: str, num_partitions: int) -> None:
        output = Folder(output_url)
        units = [read_unit(output, f"{REPEATED}/{number:05d}.json") for number in range(num_partitions)]
        records = [unit.files[0] for unit in units if unit is not None]
        self.captions = np.concatenate(
            [
                read_table(output, record.name, REPEATED_CAPTIONS, record=record)["caption"].to_numpy()
                for record in records
            ]
        )


class ReadPart(beam.DoFn):
    """Part in, (partition, reduced candidates table) out; partitions that are finished already are left out.

    Repeated captions are dropped on the way; what was dropped of the part is committed, so that it is counted once.
    """

    def __init__(
        self, output_url: str, num_partitions: int, extra: pa.StructType, reduction: Reduction,
        wanted: frozenset[int], shared: Shared | None,
    ) -> None:  # fmt: skip
        """`extra` is the final type of the column; `shared` is given when there are repeated captions to drop."""
        self._output_url, self._num_partitions, self._reduction = output_url, num_partitions, reduction
        self._extra, self._wanted, self._shared = extra, wanted, shared

    def setup(self) -> None:
        self._output = Folder(self._output_url)
        if self._shared is not None:
            self._holder = self._shared.acquire(self._read_captions)

    def _read_captions(self) -> _SharedCaptions:
        return _SharedCaptions(self._output_url, self._num_partitions)

    @names_element
    def process(self, element: Part) -> Iterator[tuple[int, pa.Table]]:
        tables = read_stream(self._output, element.name, element.record)
        drops = SampledDrops()
        for table in gathered(with_settled(table, self._extra) for table in tables):
            kept, dropped = self._split_repeated(table)
            drops.add(dropped)
            reduced = self._reduction.apply(with_copies(without_null_columns(kept)))
            _count_dropped(CAPTIONS_PER_IMAGE, len(kept) - num_copies(reduced))
            partition = partition_of(reduced[self._reduction.partition_column], self._num_partitions)
            yield from _pieces(reduced, partition, self._wanted)
        if self._shared is not None:
            self._commit_drops(element, drops)
            _count_dropped(REPEATED_CAPTION, drops.count)

    def _split_repeated(self, table: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return (candidates that stay, drops): those whose caption is repeated, where such are dropped."""
        if self._shared is None or not (repeated := is_repeated(table, self._holder.captions)).any():
            return table, DROPS.empty_table()
        dropped = drops_of(table.filter(pa.array(repeated)), REPEATED_CAPTION)
        return table.filter(pa.array(~repeated)), dropped

    def _commit_drops(self, part: Part, drops: SampledDrops) -> None:
        name = f"{DROPPED_PARTS}/{part.name.rsplit('/', 1)[-1].removesuffix('.arrow')}"
        record = write_table(self._output, f"{name}.parquet", drops.sample, DROPS)
        commit_unit(self._output, f"{name}.json", [record], {"counts": {DROPPED + REPEATED_CAPTION: drops.count}})


def _count_dropped(reason: str, count: int) -> None:
    Metrics.counter(NAMESPACE, DROPPED + reason).inc(count)
    Metrics.counter(NAMESPACE, ALL_DROPPED).inc(count)


def _pieces(
    table: pa.Table, partition: npt.NDArray[np.int64], wanted: frozenset[int]
) -> Iterator[tuple[int, pa.Table]]:
    for number, rows in split(table, partition):
        if number in wanted:
            for piece in bounded(rows):
                yield number, piece


class WritePartition(beam.DoFn):
    """(partition, tables) in; writes the reduced partition and commits it."""

    def __init__(self, output_url: str, extra: pa.StructType, reduction: Reduction) -> None:
        self._output_url, self._extra, self._reduction = output_url, extra, reduction

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[int]:
        number, tables = element
        found = write_partition(Folder(self._output_url), number, tables, self._extra, self._reduction)
        _count_dropped(CAPTIONS_PER_IMAGE, found.num_rows - found.num_kept)
        Metrics.counter(NAMESPACE, DUPLICATES).inc(found.num_kept - found.num_candidates)
        Metrics.counter(NAMESPACE, CANDIDATES).inc(found.num_candidates)
        yield number


class PartitionCounts(NamedTuple):
    """Of a partition: the rows that came, those of them that stay, and the pairs they are."""

    num_rows: int
    num_kept: int
    num_candidates: int


def write_partition(
    output: Folder, number: int, tables: Iterable[pa.Table], extra: pa.StructType, reduction: Reduction
) -> PartitionCounts:
    """Reduce `tables`, all of one partition, write ``NNNNN.parquet`` and commit it."""
    schema = candidate_schema(extra)
    reduced, num_rows = reduction.apply_all(tables, with_copies(schema.empty_table()))
    record = write_table(output, f"{number:05d}.parquet", reduced.drop_columns([COPIES]), schema)
    num_kept = num_copies(reduced)
    commit_unit(output, f"{PARTITIONS}/{number:05d}.json", [record], {ROWS_KEPT: num_kept})
    return PartitionCounts(num_rows, num_kept, len(reduced))
