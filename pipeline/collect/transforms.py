"""The Beam steps of collect: they route and count, the pure functions beside them do the work."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from pipeline.collect.config import CollectOptions
from pipeline.collect.deduplicate import deduplicate, partition_of
from pipeline.collect.extract import extract_split
from pipeline.filter.filters import Filters
from pipeline.match.matcher import Matcher
from pipeline.sources.source import InputSplit, Source
from pipeline.tables import bounded
from pipeline.units import commit_unit
from schemas.candidate import candidate_schema
from schemas.storage import Folder
from schemas.tables import read_table, write_table

PARTITIONS = "partitions"


@dataclass(frozen=True)
class Part:
    """One split's matched candidates, by file name in the candidates folder."""

    name: str


class _SharedMatcher:
    """Holds the matcher weakly, as `Shared` asks."""

    def __init__(self, queries_dir: str, rule: str) -> None:
        queries = read_table(Folder(queries_dir), "queries.parquet")
        column = queries["text"] if rule == "normalised" else queries["surface"]
        self.matcher = Matcher(column, queries["query_id"].to_numpy(), rule)


class ExtractSplit(beam.DoFn):
    """InputSplit in; writes and commits the split's part, gives its counts as counters."""

    def __init__(self, source: Source, options: CollectOptions, output_url: str, shared: Shared) -> None:
        self._source, self._options, self._output_url, self._shared = source, options, output_url, shared

    def setup(self) -> None:
        self._output = Folder(self._output_url)
        self._holder = self._shared.acquire(self._make_matcher)
        self._filters = Filters(self._options)

    def _make_matcher(self) -> _SharedMatcher:
        return _SharedMatcher(self._options.queries, self._options.match_rule)

    def process(self, element: InputSplit) -> Iterator[str]:
        counts = extract_split(
            element, self._source, self._holder.matcher, self._filters, self._options.match_rule,
            self._options.max_caption_bytes, self._output,
        )  # fmt: skip
        for name, value in counts.items():
            Metrics.counter("collect", name).inc(value)
        yield element.name


class ReadPart(beam.DoFn):
    """Part in, (partition, candidates table) out; partitions that are finished already are left out."""

    def __init__(self, output_url: str, num_partitions: int, wanted: frozenset[int]) -> None:
        self._output_url, self._num_partitions, self._wanted = output_url, num_partitions, wanted

    def process(self, element: Part) -> Iterator[tuple[int, pa.Table]]:
        table = read_table(Folder(self._output_url), element.name)
        partition = partition_of(table, self._num_partitions)
        for number in np.unique(partition):
            if int(number) in self._wanted:
                for piece in bounded(table.filter(pa.array(partition == number))):
                    yield int(number), piece


class WritePartition(beam.DoFn):
    """(partition, tables) in; writes the deduplicated partition and commits it."""

    def __init__(self, output_url: str, extra: pa.StructType) -> None:
        self._output_url, self._extra = output_url, extra

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[int]:
        number, tables = element
        write_partition(Folder(self._output_url), number, list(tables), self._extra)
        yield number


def write_partition(output: Folder, number: int, tables: list[pa.Table], extra: pa.StructType) -> None:
    """Deduplicate `tables`, all of one partition, write ``NNNNN.parquet`` and commit it."""
    schema = candidate_schema(extra)
    table = pa.concat_tables(tables) if tables else schema.empty_table()
    unique = deduplicate(table)
    record = write_table(output, f"{number:05d}.parquet", unique, schema)
    commit_unit(output, f"{PARTITIONS}/{number:05d}.json", [record], {"duplicates": len(table) - len(unique)})
