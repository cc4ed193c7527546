"""The Beam steps of counting, ranking and selecting: thin, over the pure modules beside them.

Every pass reads the files of candidates anew, a row group at a time. What a pass decides for all (limits,
thresholds) is one file of the work folder; a side input makes the next pass wait for it::

    files -> CountMatches -> SumCounts -> DecideLimits -.
    files -> RankBelowBound (waits) -> KeepLowest -> WriteThresholds -> CountMissing -.
    files -> SelectPairs (waits) -> (partition of images, selected pairs)
"""

from collections.abc import Callable, Iterator
from functools import partial

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.counts import count_matches, counts_table
from pipeline.balance.earlier import Earlier, read_id_set
from pipeline.balance.kept import KeptCounts, kept_rows
from pipeline.balance.limits import Limits, decide_limits, read_languages, read_limits, write_limits
from pipeline.balance.ordering import grouped_rows
from pipeline.balance.per_query_cap import (
    RANKED,
    TOP_RANK,
    Thresholds,
    last_kept,
    list_views,
    rank_bounds,
    ranked_below,
)
from pipeline.balance.prediction import expected_selected, keep_shares
from pipeline.balance.probabilistic import draw_bounds, kept_by_draw
from pipeline.balance.read import read_row_groups
from pipeline.balance.selected import image_partition
from pipeline.balance.settings import (
    COUNTS_FILE,
    FAILED_FILE,
    SELECTED_FILE,
    THRESHOLDS,
    WORK,
    CandidateFile,
    Settings,
)
from pipeline.failures import names_element
from pipeline.tables import bounded
from schemas.candidate import candidate_schema
from schemas.identity import ranks
from schemas.storage import Folder
from schemas.tables import read_table, write_table

NAMESPACE = "balance"
CANDIDATES, MATCHES, SELECTED_PAIRS = "candidates", "matches", "selected_pairs"
"""Counters, by the names of the report; selected_pairs counts those of earlier rounds too."""

BUFFER_BYTES = 64 << 20
"""Selected pairs kept in a worker before they are cut by partition: cut by file, a partition's pieces would be tiny."""


def at_end(value: object) -> WindowedValue:
    """Return `value` as an element of `finish_bundle`."""
    return WindowedValue(value, GlobalWindow().max_timestamp(), [GlobalWindow()])


class PerProcess:
    """What the workers read of the work folder: each part once per process, when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = Folder(settings.output_url)
        self.earlier = (
            Earlier(read_id_set(self._folder, FAILED_FILE), read_id_set(self._folder, SELECTED_FILE), 0)
            if settings.refill
            else None
        )
        self._limits: Limits | None = None
        self._bounds: npt.NDArray[np.uint64] | None = None
        self._shares: npt.NDArray[np.int64] | None = None
        self._thresholds: Thresholds | None = None
        self._draw_bounds: npt.NDArray[np.uint64] | None = None

    @property
    def limits(self) -> Limits:
        if self._limits is None:
            self._limits = read_limits(self._folder)
        return self._limits

    @property
    def bounds(self) -> npt.NDArray[np.uint64]:
        if self._bounds is None:
            self._bounds = rank_bounds(self.limits.matched, self.limits.caps, self._settings.factor)
        return self._bounds

    @property
    def shares(self) -> npt.NDArray[np.int64]:
        if self._shares is None:
            self._shares = keep_shares(self.limits.matched, self.limits.caps)
        return self._shares

    def kept(self, table: pa.Table, rank: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Tell per match of `table` whether the query keeps the pair."""
        if self._settings.mode == "probabilistic":
            if self._draw_bounds is None:
                self._draw_bounds = draw_bounds(self.limits.matched, self.limits.caps)
            return kept_by_draw(table, self._draw_bounds, self._settings.key)
        if self._thresholds is None:
            self._thresholds = Thresholds(read_thresholds(self._folder), self._settings.num_queries)
        return self._thresholds.kept(table, rank)


class PassOverCandidates(beam.DoFn):
    """What the three passes share: a file of candidates read, and the state of the process."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self._settings, self._shared = settings, shared

    def setup(self) -> None:
        self._state: PerProcess = self._shared.acquire(self._make)

    def _make(self) -> PerProcess:
        return PerProcess(self._settings)

    def _read(self, file: CandidateFile, columns: list[str] | None) -> Iterator[pa.Table]:
        """Yield the row groups of `file`: `columns`, or all."""
        schema = candidate_schema(self._settings.extra)
        yield from read_row_groups(Folder(self._settings.candidates_url), file.name, schema, columns)

    def _read_alive(self, file: CandidateFile, columns: list[str] | None) -> Iterator[pa.Table]:
        """Yield the row groups of `file` without the pairs of failed images."""
        earlier = self._state.earlier
        if earlier is None:
            yield from self._read(file, columns)
            return
        for table in self._read(file, columns and [*columns, "image_id"]):
            yield table.filter(pa.array(earlier.alive(table))).combine_chunks()


class CountMatches(PassOverCandidates):
    """CandidateFile in; per bundle one count table out: matched, and matched_before any image failed."""

    def start_bundle(self) -> None:
        self._matched, self._before = (np.zeros(self._settings.num_queries, dtype=np.int64) for _ in range(2))

    @names_element
    def process(self, element: CandidateFile) -> None:
        earlier = self._state.earlier
        for table in self._read(element, ["query_ids"] if earlier is None else ["query_ids", "image_id"]):
            self._before += count_matches(table, self._settings.num_queries)
            if earlier is not None:
                alive = table.filter(pa.array(earlier.alive(table))).combine_chunks()
                self._matched += count_matches(alive, self._settings.num_queries)
            Metrics.counter(NAMESPACE, CANDIDATES).inc(len(table))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        matched = self._before if self._state.earlier is None else self._matched
        Metrics.counter(NAMESPACE, MATCHES).inc(int(matched.sum()))
        yield at_end(counts_table(matched=matched, matched_before=self._before))


class DecideLimits(beam.DoFn):
    """The summed counts in; writes the limits. Out: 0, or 1 when the other passes must not run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def process(self, element: pa.Table) -> Iterator[int]:
        output = Folder(self._settings.output_url)
        limits = decide_limits(element, self._settings, read_languages(output))
        write_limits(output, limits)
        most = self._settings.max_selected
        yield int(most is not None and limits.at_most_selected > most)


class RankBelowBound(PassOverCandidates):
    """CandidateFile in, (query partition, `RANKED` table) out: only the matches that can matter."""

    @names_element
    def process(self, element: CandidateFile, too_many: int) -> Iterator[tuple[int, pa.Table]]:
        yield 0, RANKED.empty_table()  # so that there is something to write when no query is capped
        if too_many:
            return
        found = []
        for table in self._read_alive(element, ["pair_id", "query_ids"]):
            ranked = ranked_below(table, ranks(table["pair_id"], self._settings.key), self._state.bounds)
            found.append(ranked)
        yield from cut_by_partition(found, self._partition, self._state.limits.num_ranked_partitions)

    def _partition(self, ranked: pa.Table) -> npt.NDArray[np.int64]:
        numbers: npt.NDArray[np.int64] = ranked["query_id"].to_numpy() % self._state.limits.num_ranked_partitions
        return numbers


def cut_by_partition(
    tables: list[pa.Table], partition_of: Callable[[pa.Table], npt.NDArray[np.int64]], num_partitions: int
) -> Iterator[tuple[int, pa.Table]]:
    """Yield (partition, rows of it) of the tables together, in pieces that are small enough for an element."""
    together = pa.concat_tables(tables)
    if num_partitions == 1:
        yield from ((0, piece.combine_chunks()) for piece in bounded(together))
        return
    partition = partition_of(together)
    ordered = together.take(pa.array(grouped_rows(partition, np.arange(len(partition)))))
    ends = np.cumsum(np.bincount(partition, minlength=num_partitions))
    for number, end in enumerate(ends):
        begin = ends[number - 1] if number else 0
        yield from ((number, piece) for piece in bounded(ordered.slice(int(begin), int(end - begin))))


class WriteThresholds(PassOverCandidates):
    """(partition, its lowest) in; writes count, rank and pair_id of the last pair each query keeps.

    Out: the number of queries that have their threshold now.
    """

    def process(self, element: tuple[int, pa.Table]) -> Iterator[int]:
        number, lowest = element
        last = last_kept(lowest)
        queries = last["query_id"].to_numpy()
        whole = (last["count"].to_numpy() == self._state.limits.caps[queries]) | (
            self._state.bounds[queries] == np.uint64(TOP_RANK)
        )
        write_table(Folder(self._settings.output_url), f"{THRESHOLDS}-{number:05d}.parquet", last, last.schema)
        yield int(whole.sum())


class CountMissing(PassOverCandidates):
    """The number of queries that have their threshold in, the number of those that lack it out."""

    def process(self, element: int) -> Iterator[int]:
        yield int((self._state.limits.matched > self._state.limits.caps).sum()) - element


def read_thresholds(folder: Folder) -> pa.Table:
    """Return the thresholds of all partitions, by query."""
    found = [read_table(folder, name) for name in folder.names(WORK, ".parquet") if name.startswith(f"{THRESHOLDS}-")]
    return pa.concat_tables([last_kept(RANKED.empty_table()), *found]).combine_chunks().sort_by("query_id")


class SelectPairs(PassOverCandidates):
    """CandidateFile in; main output (image partition, selected table), output ``counts`` a count table per bundle.

    The count table holds kept and selected by query; the row of query 0 also holds the bundle's totals: expected
    (in units of 1 / `FIXED_POINT`) and pairs. Nothing comes out while thresholds are missing.
    """

    COUNTS = "counts"

    def start_bundle(self) -> None:
        self._counts = KeptCounts(self._settings.num_queries)
        self._expected, self._pairs = (np.zeros(self._settings.num_queries, dtype=np.int64) for _ in range(2))
        self._is_due = False
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0

    @names_element
    def process(self, element: CandidateFile, missing: int) -> Iterator[tuple[int, pa.Table]]:
        if missing:
            return
        self._is_due = True
        for table in self._read_alive(element, None):
            selected = self._select(table)
            self._waiting.append(selected)
            self._waiting_bytes += selected.nbytes
            if self._waiting_bytes >= BUFFER_BYTES:
                yield from self._cut()

    def _select(self, table: pa.Table) -> pa.Table:
        offsets, query_ids = list_views(table["query_ids"])
        self._expected[:1] += expected_selected(offsets, query_ids, self._state.shares, self._settings.mode)
        rank = ranks(table["pair_id"], self._settings.key)
        rows, ranked, kept_by = kept_rows(table, rank, self._state.kept(table, rank), self._counts)
        self._pairs[:1] += len(rows)
        Metrics.counter(NAMESPACE, SELECTED_PAIRS).inc(len(rows))
        selected = table if len(rows) == len(table) else table.take(pa.array(rows))
        selected = selected.append_column("rank", ranked).append_column("kept_by", kept_by)
        if self._state.earlier is None:
            return selected
        return selected.filter(pa.array(~self._state.earlier.selected(selected)))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if not self._is_due:
            return
        for element in self._cut():
            yield at_end(element)
        counts = counts_table(
            kept=self._counts.kept, selected=self._counts.selected, expected=self._expected, pairs=self._pairs
        )
        yield beam.pvalue.TaggedOutput(self.COUNTS, at_end(counts))

    def _cut(self) -> Iterator[tuple[int, pa.Table]]:
        if self._waiting:
            yield 0, self._waiting[0].slice(0, 0)  # so that partition 0 is there when nothing is selected
            num_partitions = self._state.limits.num_partitions
            yield from cut_by_partition(
                self._waiting, partial(image_partition, num_partitions=num_partitions), num_partitions
            )
            self._waiting, self._waiting_bytes = [], 0


class WriteCounts(beam.DoFn):
    """The summed counts of the selection in; writes them (a plain overwrite: the same bytes again)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def process(self, element: pa.Table) -> None:
        write_table(Folder(self._settings.output_url), COUNTS_FILE, element, element.schema)
