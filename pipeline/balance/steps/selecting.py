"""Pass 3: a pair is selected if some query keeps it.

::

    files -> SelectPairs (waits for the thresholds) -> (partition of images, selected pairs)
                                                    -> count tables -> SumCounts: work files
"""

from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.counts import counts_table, cut_by_range
from pipeline.balance.kept import KeptCounts, kept_rows
from pipeline.balance.per_query_cap import list_views
from pipeline.balance.prediction import FIXED_POINT, expected_selected
from pipeline.balance.selected import image_partition
from pipeline.balance.settings import CandidateFile
from pipeline.balance.steps.passes import NAMESPACE, CutByPartition, PassOverCandidates, at_end
from pipeline.runners.failures import names_element
from schemas.identity import ranks

SELECTED_PAIRS, SELECTED_BEFORE = "selected_pairs", "selected_before"
MATCHES_OF_SELECTED, EXPECTED_SELECTED = "matches_of_selected", "expected_selected"


class SelectPairs(PassOverCandidates):
    """CandidateFile in; main output (image partition, selected table), output ``counts`` (range, count table).

    The count tables, of a bundle, hold kept and selected by query; the row of query 0 also holds the bundle's pairs:
    expected (in units of 1 / `FIXED_POINT`) and selected before. Nothing comes out while thresholds are missing.
    """

    COUNTS = "counts"

    def start_bundle(self) -> None:
        self._counts = KeptCounts(self._settings.num_queries)
        self._expected, self._before = (np.zeros(self._settings.num_queries, dtype=np.int64) for _ in range(2))
        self._is_due = False
        self._cut = CutByPartition(image_partition)

    @names_element
    def process(self, element: CandidateFile, missing: int) -> Iterator[tuple[int, pa.Table]]:
        if missing:
            return
        self._is_due = True
        for table in self._read_alive(element, None):
            yield from self._cut.add(self._select(table), self._state.limits.num_partitions)

    def _select(self, table: pa.Table) -> pa.Table:
        offsets, query_ids = list_views(table["query_ids"])
        self._expected[:1] += expected_selected(offsets, query_ids, self._state.shares, self._settings.mode)
        rank = ranks(table["pair_id"], self._settings.key)
        rows, ranked, kept_by = kept_rows(table, rank, self._state.kept(table, rank), self._counts)
        selected = table if len(rows) == len(table) else table.take(pa.array(rows))
        selected = selected.append_column("rank", ranked).append_column("kept_by", kept_by)
        if self._state.earlier is not None:
            selected = selected.filter(pa.array(~self._state.earlier.selected(selected)))
            self._before[:1] += len(rows) - len(selected)
        Metrics.counter(NAMESPACE, SELECTED_PAIRS).inc(len(selected))
        return selected

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if not self._is_due:
            return
        for element in self._cut.rest(self._state.limits.num_partitions):
            yield at_end(element)
        counts = counts_table(
            kept=self._counts.kept, selected=self._counts.selected, expected=self._expected, before=self._before
        )
        for piece in cut_by_range(counts):
            yield beam.pvalue.TaggedOutput(self.COUNTS, at_end(piece))


def selected_counters(summed: pa.Table) -> dict[str, int]:
    """Return what the summed counts of a range say in the report; the expected size in whole pairs."""
    return {
        SELECTED_BEFORE: int(pc.sum(summed["before"]).as_py() or 0),
        MATCHES_OF_SELECTED: int(pc.sum(summed["selected"]).as_py() or 0),
        EXPECTED_SELECTED: round(int(pc.sum(summed["expected"]).as_py() or 0) / FIXED_POINT),
    }
