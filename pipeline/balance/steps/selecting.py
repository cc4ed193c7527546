"""Pass 3: a pair is selected if some query keeps it.

::

    files -> SelectPairs (waits for the thresholds) -> (partition of images, selected pairs)
                                                    -> count tables -> SumCounts: work files
                                                    -> Totals -> sum: work file
"""

from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.counts import counts_table, cut_by_range
from pipeline.balance.kept import KeptCounts, kept_rows
from pipeline.balance.per_query_cap import list_views
from pipeline.balance.prediction import expected_selected
from pipeline.balance.selected import image_partition
from pipeline.balance.settings import CandidateFile
from pipeline.balance.steps.passes import NAMESPACE, CutByPartition, PassOverCandidates, at_end
from pipeline.balance.steps.totals import Totals
from pipeline.runners.failures import names_element
from schemas.identity import ranks

SELECTED_PAIRS, MATCHES_OF_SELECTED = "selected_pairs", "matches_of_selected"


class SelectPairs(PassOverCandidates):
    """CandidateFile in; out: (image partition, selected table), and of each bundle two more.

    ``counts``: (range, count table), kept and selected by query; ``totals``: `Totals`. Nothing comes out while
    thresholds are missing.
    """

    SELECTED, COUNTS, TOTALS = "selected", "counts", "totals"

    def start_bundle(self) -> None:
        self._counts = KeptCounts(self._settings.num_queries)
        self._expected = self._before = 0
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
        self._expected += expected_selected(offsets, query_ids, self._state.shares, self._settings.mode)
        rank = ranks(table["pair_id"], self._settings.key)
        rows, ranked, kept_by = kept_rows(table, rank, self._state.kept(table, rank), self._counts)
        selected = table if len(rows) == len(table) else table.take(pa.array(rows))
        selected = selected.append_column("rank", ranked).append_column("kept_by", kept_by)
        if self._state.earlier is not None:
            selected = selected.filter(pa.array(~self._state.earlier.selected(selected)))
            self._before += len(rows) - len(selected)
        Metrics.counter(NAMESPACE, SELECTED_PAIRS).inc(len(selected))
        return selected

    def finish_bundle(self) -> Iterator[WindowedValue | beam.pvalue.TaggedOutput]:
        if not self._is_due:
            return
        for element in self._cut.rest(self._state.limits.num_partitions):
            yield at_end(element)
        for piece in cut_by_range(counts_table("query_id", kept=self._counts.kept, selected=self._counts.selected)):
            yield beam.pvalue.TaggedOutput(self.COUNTS, at_end(piece))
        totals = Totals(expected=self._expected, before=self._before)
        yield beam.pvalue.TaggedOutput(self.TOTALS, at_end(totals))


def selected_counters(summed: pa.Table) -> dict[str, int]:
    """Return what the summed counts of a range say in the report."""
    return {MATCHES_OF_SELECTED: int(pc.sum(summed["selected"]).as_py() or 0)}
