"""Counts of all bundles summed and written: a range of queries at a time, so that no element grows with the list.

::

    (range, count table) -> Combine -> (range, sum) -> Write -> work file; the range, once it is written
"""

from collections.abc import Callable, Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics

from pipeline.balance.counts import WAITING_ROWS, sum_counts
from pipeline.balance.settings import WORK
from pipeline.shuffle.elements import ArrowTableCoder
from schemas.storage import Folder
from schemas.tables import read_table, write_table


class AddCounts(beam.CombineFn):
    """Sums count tables of one range. An accumulator holds the sum and tables of at most `WAITING_ROWS` beside it."""

    def create_accumulator(self) -> pa.Table:
        return sum_counts([])

    def add_input(self, accumulator: pa.Table, element: pa.Table) -> pa.Table:
        if len(accumulator) == 0:
            return element
        together = pa.concat_tables([accumulator, element])
        return sum_counts([together]) if len(together) > WAITING_ROWS else together

    def merge_accumulators(self, accumulators: Iterable[pa.Table]) -> pa.Table:
        return sum_counts(accumulators)

    def compact(self, accumulator: pa.Table) -> pa.Table:
        """Sum before it is sent: what waits may be larger than an element should be."""
        return sum_counts([accumulator])

    def extract_output(self, accumulator: pa.Table) -> pa.Table:
        return sum_counts([accumulator])

    def get_accumulator_coder(self) -> beam.coders.Coder:
        return ArrowTableCoder()


class WriteSum(beam.DoFn):
    """(range, summed counts) in; writes them and counts what they say. Out: the range."""

    def __init__(
        self, output_url: str, prefix: str, namespace: str, counters_of: Callable[[pa.Table], dict[str, int]]
    ) -> None:
        self._output_url, self._prefix = output_url, prefix
        self._namespace, self._counters_of = namespace, counters_of

    def process(self, element: tuple[int, pa.Table]) -> Iterator[int]:
        number, table = element
        write_table(Folder(self._output_url), f"{self._prefix}-{number:05d}.parquet", table, table.schema)
        for name, value in self._counters_of(table).items():
            Metrics.counter(self._namespace, name).inc(value)
        yield number


class SumCounts(beam.PTransform):
    """(range, count table) of all bundles in; the sum of each range goes to `write`. Out: the ranges written."""

    def __init__(self, write: WriteSum) -> None:
        super().__init__()
        self._write = write

    def expand(self, pieces: beam.PCollection) -> beam.PCollection:
        summed = pieces | "Combine" >> beam.CombinePerKey(AddCounts()).with_output_types(tuple[int, pa.Table])
        return summed | "Write" >> beam.ParDo(self._write)


def nothing(table: pa.Table) -> dict[str, int]:
    """Return no counters: for sums that are numbers of no report."""
    return {}


def read_sums(folder: Folder, prefix: str) -> pa.Table:
    """Return the sums of all ranges, in order; an empty table when there are none."""
    return sum_counts(read_table(folder, name) for name in _names(folder, prefix))


def has_sums(folder: Folder, prefix: str) -> bool:
    """Tell whether sums were written."""
    return bool(_names(folder, prefix))


def _names(folder: Folder, prefix: str) -> list[str]:
    return [name for name in folder.names(WORK, ".parquet") if name.startswith(f"{prefix}-")]
