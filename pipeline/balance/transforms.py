"""The Beam steps of balance: thin, over the pure modules beside them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.utils.shared import Shared

from pipeline.balance.counts import bincount, count_matches, counts_table, dense
from pipeline.balance.earlier import Earlier, IdSet
from pipeline.balance.per_query_cap import Thresholds, last_kept, rank_bounds, ranked_below
from pipeline.balance.prediction import expected_selected, keep_probabilities
from pipeline.balance.probabilistic import draw_bounds, kept_by_draw
from pipeline.balance.selected import image_partition, image_starts, in_shard_order, shard_rows, slice_images
from pipeline.tables import bounded
from pipeline.units import commit_unit
from schemas.buffers import one_chunk
from schemas.candidate import QUERY_IDS, candidate_schema, selection_schema
from schemas.identity import ranks
from schemas.sample import shard_name
from schemas.storage import Folder
from schemas.tables import read_table, write_table

WORK = "work"
MATCHED_FILE = f"{WORK}/matched.parquet"
THRESHOLDS_FILE = f"{WORK}/thresholds.parquet"
FAILED_FILE, SELECTED_FILE = f"{WORK}/failed_images.u64", f"{WORK}/selected_pairs.u64"
SELECTED, SHARDS = f"{WORK}/selected", f"{WORK}/shards"


@dataclass(frozen=True)
class Settings:
    """What every step of one balance job needs; small, pickled into the graph."""

    candidates_url: str
    output_url: str
    mode: str
    cap: int
    key: bytes
    num_queries: int
    refill: bool
    extra: pa.StructType


@dataclass(frozen=True)
class CandidateFile:
    """One file of the candidates folder."""

    name: str


@dataclass(frozen=True)
class ShardRange:
    """The shards whose first image lies in one partition: ``first .. first + count - 1``."""

    partition: int
    first: int
    count: int
    skip_images: int
    """Images of the partition that belong to the shard before."""
    samples_per_shard: int
    num_partitions: int
    number: int
    """Shard number of the first."""


def read_id_set(folder: Folder, name: str) -> IdSet:
    """Read ids written by the launcher for the workers."""
    return np.frombuffer(folder.read(name), dtype="<u8").reshape(-1, 2)


class _PerProcess:
    """Earlier rounds, counts and thresholds: read once per process."""

    def __init__(self, settings: Settings, with_limits: bool) -> None:
        output = Folder(settings.output_url)
        self.earlier: Earlier | None = None
        if settings.refill:
            failed, selected = read_id_set(output, FAILED_FILE), read_id_set(output, SELECTED_FILE)
            self.earlier = Earlier(failed, selected, 0)
        if with_limits:
            matched = dense(read_table(output, MATCHED_FILE), "matched", settings.num_queries)
            self.probabilities = keep_probabilities(matched, settings.cap)
            if settings.mode == "per_query_cap":
                self.thresholds = Thresholds(read_table(output, THRESHOLDS_FILE), settings.num_queries)
            else:
                self.draw_bounds = draw_bounds(matched, settings.cap)


MATCH_COLUMNS = ["pair_id", "image_id", "query_ids"]
"""What counting and ranking need of a candidate."""


class ReadCandidates(beam.DoFn):
    """CandidateFile in, candidate tables (`candidate_schema`, or some columns of it) out, without failed images."""

    def __init__(self, settings: Settings, columns: list[str] | None, shared: Shared) -> None:
        self._settings, self._columns, self._shared = settings, columns, shared

    def setup(self) -> None:
        self._state = self._shared.acquire(self._make)

    def _make(self) -> _PerProcess:
        return _PerProcess(self._settings, with_limits=False)

    def process(self, element: CandidateFile) -> Iterator[pa.Table]:
        schema = candidate_schema(self._settings.extra)
        table = read_table(Folder(self._settings.candidates_url), element.name, schema, self._columns)
        for piece in bounded(table):
            if self._state.earlier is not None:
                piece = piece.filter(pa.array(self._state.earlier.alive(piece)))
            if len(piece):
                yield piece


class CountMatches(beam.DoFn):
    """Candidates in, count tables (query_id, matched) out."""

    def __init__(self, num_queries: int) -> None:
        self._num_queries = num_queries

    def process(self, element: pa.Table) -> Iterator[pa.Table]:
        yield counts_table(matched=count_matches(element, self._num_queries))


class WriteWork(beam.DoFn):
    """Writes the one table it gets as file `name` of the work folder (a plain overwrite: the same bytes again)."""

    def __init__(self, output_url: str, name: str) -> None:
        self._output_url, self._name = output_url, name

    def process(self, element: pa.Table) -> None:
        write_table(Folder(self._output_url), self._name, element, element.schema)


class RankBelowBound(beam.DoFn):
    """Candidates in, (query partition, `RANKED` table) out: only the matches that can matter."""

    def __init__(self, settings: Settings, factor: int, only: frozenset[int], num_partitions: int) -> None:
        self._settings, self._factor, self._only, self._num_partitions = settings, factor, only, num_partitions

    def setup(self) -> None:
        matched = dense(
            read_table(Folder(self._settings.output_url), MATCHED_FILE), "matched", self._settings.num_queries
        )
        self._bounds = rank_bounds(matched, self._settings.cap, self._factor)
        if self._only:
            others = np.ones(len(matched), dtype=bool)
            others[list(self._only)] = False
            self._bounds[others] = 0

    def process(self, element: pa.Table) -> Iterator[tuple[int, pa.Table]]:
        ranked = ranked_below(element, ranks(element["pair_id"], self._settings.key), self._bounds)
        partition = ranked["query_id"].to_numpy() % self._num_partitions
        for number in np.unique(partition):
            for piece in bounded(ranked.filter(pa.array(partition == number))):
                yield int(number), piece


class LastKept(beam.DoFn):
    """(partition, its lowest) in; writes count, rank and pair_id of the last pair each query keeps."""

    def __init__(self, output_url: str, name: str) -> None:
        self._output_url, self._name = output_url, name

    def process(self, element: tuple[int, pa.Table]) -> None:
        number, lowest = element
        last = last_kept(lowest)
        write_table(Folder(self._output_url), f"{self._name}-{number:05d}.parquet", last, last.schema)


class SelectPairs(beam.DoFn):
    """Candidates in; main output (image partition, selected table), output ``counts`` count tables."""

    COUNTS = "counts"
    TOTAL = "total"

    def __init__(self, settings: Settings, num_partitions: int, shared: Shared) -> None:
        self._settings, self._num_partitions, self._shared = settings, num_partitions, shared

    def setup(self) -> None:
        self._state = self._shared.acquire(self._make)

    def _make(self) -> _PerProcess:
        return _PerProcess(self._settings, with_limits=True)

    def process(self, element: pa.Table) -> Iterator[object]:
        rank = ranks(element["pair_id"], self._settings.key)
        if self._settings.mode == "per_query_cap":
            kept = self._state.thresholds.kept(element, rank)
        else:
            kept = kept_by_draw(element, self._state.draw_bounds, self._settings.key)
        selected = with_kept_by(element, rank, kept)
        expected = expected_selected(element, self._state.probabilities, self._settings.mode)
        num_queries = self._settings.num_queries
        counts = counts_table(
            kept=bincount(one_chunk(selected["kept_by"]).flatten(), num_queries),
            selected=count_matches(selected, num_queries),
        )
        yield beam.pvalue.TaggedOutput(self.COUNTS, counts)
        totals = pa.table({"query_id": pa.array([0], pa.int32()), "expected": [expected], "selected": [len(selected)]})
        yield beam.pvalue.TaggedOutput(self.TOTAL, totals)
        if self._state.earlier is not None:
            selected = selected.filter(pa.array(~self._state.earlier.selected(selected)))
        partition = image_partition(selected, self._num_partitions)
        for number in np.unique(partition):
            for piece in bounded(selected.filter(pa.array(partition == number))):
                yield int(number), piece


def with_kept_by(table: pa.Table, rank: npt.NDArray[np.uint64], kept: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the rows that some query keeps, with rank and kept_by; `kept` is per match of `table`."""
    column = one_chunk(table["query_ids"])
    offsets = column.offsets.to_numpy() - column.offsets[0].as_py()
    kept_before = np.r_[0, np.cumsum(kept)][offsets].astype(np.int32)
    kept_by = pa.ListArray.from_arrays(
        pa.array(kept_before), pa.array(column.flatten().to_numpy(zero_copy_only=False)[kept]), type=QUERY_IDS
    )
    whole = table.append_column("rank", pa.array(rank, pa.uint64())).append_column("kept_by", kept_by)
    return whole.filter(pc.greater(pc.list_value_length(kept_by), 0))


class WriteSelected(beam.DoFn):
    """(image partition, tables) in; writes the partition in shard order and commits it."""

    def __init__(self, output_url: str) -> None:
        self._output_url = output_url

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> None:
        number, tables = element
        output = Folder(self._output_url)
        ordered = in_shard_order(pa.concat_tables(list(tables)))
        record = write_table(output, f"{SELECTED}-{number:05d}.parquet", ordered, ordered.schema)
        commit_unit(output, f"{SELECTED}-{number:05d}.json", [record], {"images": len(image_starts(ordered))})


class WriteShardPlans(beam.DoFn):
    """ShardRange in; writes ``NNNNN.parquet`` of each of its shards and commits them."""

    def __init__(self, output_url: str, extra: pa.StructType) -> None:
        self._output_url, self._extra = output_url, extra

    def process(self, element: ShardRange) -> None:
        output = Folder(self._output_url)
        schema = selection_schema(self._extra)
        table = read_table(output, f"{SELECTED}-{element.partition:05d}.parquet")
        images = len(image_starts(table))
        following = element.partition + 1
        needed = element.skip_images + element.count * element.samples_per_shard
        while images < needed and following < element.num_partitions:
            name = f"{SELECTED}-{following:05d}.parquet"
            if output.exists(name):
                more = slice_images(read_table(output, name), 0, needed - images)
                images += len(image_starts(more))
                table = pa.concat_tables([table, more])
            following += 1
        files = []
        for index in range(element.count):
            begin = element.skip_images + index * element.samples_per_shard
            rows = slice_images(table, begin, begin + element.samples_per_shard)
            shard = element.number + index
            plan = shard_rows(rows, shard, schema)
            files.append(write_table(output, f"{shard_name(shard)}.parquet", plan, schema))
        commit_unit(output, f"{SHARDS}-{element.partition:05d}.json", files, {})
