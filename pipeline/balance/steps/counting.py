"""Pass 1: the matches of every query are counted, then the limits are decided.

::

    files -> CountMatches -> SumCounts -> DecideLimits: work files; 0, or 1 when the other passes must not run
"""

from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.counts import count_matches, counts_table, cut_by_range
from pipeline.balance.limits import decide_limits, read_languages, write_limits
from pipeline.balance.settings import MATCHED, CandidateFile, Settings
from pipeline.balance.steps.passes import NAMESPACE, PassOverCandidates, at_end
from pipeline.balance.steps.sums import read_sums
from pipeline.runners.failures import names_element
from schemas.storage import Folder

CANDIDATES, MATCHES = "candidates", "matches"
QUERIES_ = "queries_"
"""Before a name of ``queries`` in the report: without_match, up_to_cap, over_cap."""
NOT_REFILLABLE_ = "not_refillable_"
"""Before a name of ``not_refillable`` in the report: queries, kept."""


class CountMatches(PassOverCandidates):
    """CandidateFile in; per bundle (range, count table) out: matched, and matched_before any image failed."""

    def start_bundle(self) -> None:
        self._matched, self._before = (np.zeros(self._settings.num_queries, dtype=np.int64) for _ in range(2))

    @names_element
    def process(self, element: CandidateFile) -> None:
        earlier = self._state.earlier
        columns = ["query_ids"] if earlier is None else ["query_ids", "image_id"]
        for table in self._read(element, columns, hashed=True):
            self._before += count_matches(table, self._settings.num_queries)
            if earlier is not None:
                alive = table.filter(pa.array(earlier.alive(table))).combine_chunks()
                self._matched += count_matches(alive, self._settings.num_queries)
            Metrics.counter(NAMESPACE, CANDIDATES).inc(len(table))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        matched = self._before if self._state.earlier is None else self._matched
        for element in cut_by_range(counts_table("query_id", matched=matched, matched_before=self._before)):
            yield at_end(element)


def matched_counters(summed: pa.Table) -> dict[str, int]:
    """Return what the summed counts of a range say in the report."""
    return {MATCHES: int(pc.sum(summed["matched"]).as_py() or 0)}


class DecideLimits(beam.DoFn):
    """A number in, once all counts are summed; writes the limits. Out: 0."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def process(self, element: int) -> Iterator[int]:
        output = Folder(self._settings.output_url)
        limits = decide_limits(read_sums(output, MATCHED), self._settings, read_languages(output))
        write_limits(output, limits)
        for name, number in limits.shape().items():
            Metrics.counter(NAMESPACE, QUERIES_ + name).inc(number)
        for name, number in limits.not_refillable().items():
            Metrics.counter(NAMESPACE, NOT_REFILLABLE_ + name).inc(number)
        yield 0
