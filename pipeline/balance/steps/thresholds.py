"""Pass 2, only with a cap per query: the pairs of lowest rank of every query over its cap, the last of them kept.

::

    files -> RankBelowBound -> by partition of queries -> WriteThresholds: work files -> sum -> CountMissing

What is shuffled is bounded by the ranks: of a query's matches, however many, hardly more than its cap lie below its
bound. So a partition's tables can be grouped, and no query is hot.
"""

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.per_query_cap import RANKED, TOP_RANK, keep_lowest, last_kept, ranked_below
from pipeline.balance.settings import THRESHOLDS, CandidateFile
from pipeline.balance.steps.passes import CutByPartition, PassOverCandidates, at_end
from pipeline.balance.steps.shared_state import SharedState
from pipeline.runners.failures import names_element
from schemas.identity import ranks
from schemas.storage import Folder
from schemas.tables import write_table


def query_partition(ranked: pa.Table, num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of the query of each row."""
    numbers: npt.NDArray[np.int64] = ranked["query_id"].to_numpy() % num_partitions
    return numbers


class RankBelowBound(PassOverCandidates):
    """CandidateFile in, (query partition, `RANKED` table) out: only the matches that can matter."""

    def start_bundle(self) -> None:
        self._cut = CutByPartition(query_partition)
        self._is_due = False

    @names_element
    def process(self, element: CandidateFile, decided: int) -> Iterator[tuple[int, pa.Table]]:
        """`decided` comes once the limits are written."""
        self._is_due = True
        yield from self._cut.add(RANKED.empty_table(), self._num_partitions)  # something when no query is capped
        for table in self._read_alive(element, ["pair_id", "query_ids"]):
            ranked = ranked_below(table, ranks(table["pair_id"], self._settings.key), self._state.bounds)
            yield from self._cut.add(ranked, self._num_partitions)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if not self._is_due:
            return
        for element in self._cut.rest(self._num_partitions):
            yield at_end(element)

    @property
    def _num_partitions(self) -> int:
        return self._state.limits.num_ranked_partitions


class WriteThresholds(beam.DoFn):
    """(partition, its tables) in; writes count, rank and pair_id of the last pair each query keeps.

    Out: the number of queries that have their threshold now.
    """

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared

    def setup(self) -> None:
        self._state = self._shared.acquire()

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[int]:
        number, tables = element
        last = last_kept(keep_lowest(tables, self._state.limits.caps))
        queries = last["query_id"].to_numpy()
        whole = (last["count"].to_numpy() == self._state.limits.caps[queries]) | (
            self._state.bounds[queries] == np.uint64(TOP_RANK)
        )
        write_table(Folder(self._shared.settings.output_url), f"{THRESHOLDS}-{number:05d}.parquet", last, last.schema)
        yield int(whole.sum())


class CountMissing(beam.DoFn):
    """The number of queries that have their threshold in, the number of those that lack it out."""

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared

    def setup(self) -> None:
        self._state = self._shared.acquire()

    def process(self, element: int) -> Iterator[int]:
        yield int((self._state.limits.matched > self._state.limits.caps).sum()) - element
