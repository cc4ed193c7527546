"""Totals of all bundles: what is a number of the whole selection, not of one query.

::

    Totals of each bundle -> Combine -> Write -> work file and counters
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

from pipeline.balance.prediction import FIXED_POINT
from pipeline.balance.settings import TOTALS_FILE
from schemas.storage import Folder

EXPECTED_SELECTED, SELECTED_BEFORE = "expected_selected", "selected_before"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What pairs sum up to."""

    expected: int = 0
    """Pairs to expect in the selection, in units of 1 / `FIXED_POINT`."""

    before: int = 0
    """Pairs that earlier rounds have selected."""

    @property
    def expected_pairs(self) -> float:
        return self.expected / FIXED_POINT


def sum_totals(totals: Iterable[Totals]) -> Totals:
    """Return the totals of all pairs."""
    found = list(totals)
    return Totals(expected=sum(each.expected for each in found), before=sum(each.before for each in found))


class WriteTotals(beam.DoFn):
    """The `Totals` of all bundles in; writes them, and counts them in `namespace` in whole pairs; None: only writes."""

    def __init__(self, output_url: str, namespace: str | None) -> None:
        self._output_url, self._namespace = output_url, namespace

    def process(self, element: Totals) -> None:
        Folder(self._output_url).write_json(TOTALS_FILE, asdict(element))
        if self._namespace is not None:
            Metrics.counter(self._namespace, EXPECTED_SELECTED).inc(round(element.expected_pairs))
            Metrics.counter(self._namespace, SELECTED_BEFORE).inc(element.before)


class SumTotals(beam.PTransform):
    """`Totals` of all bundles in; their sum goes to `write`."""

    def __init__(self, write: WriteTotals) -> None:
        super().__init__()
        self._write = write

    def expand(self, totals: beam.PCollection) -> beam.PCollection:
        summed = totals | "Combine" >> beam.CombineGlobally(sum_totals).without_defaults()
        return summed | "Write" >> beam.ParDo(self._write)


def read_totals(folder: Folder) -> Totals:
    """Return what `WriteTotals` wrote; zeros when there were no candidates, and so no job."""
    return Totals(**folder.read_json(TOTALS_FILE)) if folder.exists(TOTALS_FILE) else Totals()
