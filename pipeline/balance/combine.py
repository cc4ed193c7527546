"""The CombineFns of balance: tables in, a reduced table out, in bounded memory whatever the order."""

from collections.abc import Callable, Iterable

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.counts import sum_counts
from pipeline.balance.per_query_cap import RANKED, keep_lowest
from pipeline.tables import MAX_ELEMENT_ROWS, ArrowTableCoder


class SumCounts(beam.CombineFn):
    """Sums count tables. The accumulator holds at most 32 tables, then their sum."""

    def create_accumulator(self) -> pa.Table:
        return sum_counts([])

    def add_input(self, accumulator: pa.Table, element: pa.Table) -> pa.Table:
        return _gathered(accumulator, element, sum_counts)

    def merge_accumulators(self, accumulators: Iterable[pa.Table]) -> pa.Table:
        return sum_counts(accumulators)

    def extract_output(self, accumulator: pa.Table) -> pa.Table:
        return sum_counts([accumulator])

    def get_accumulator_coder(self) -> beam.coders.Coder:
        return ArrowTableCoder()


class KeepLowest(beam.CombineFn):
    """Keeps the cap lowest (rank, pair_id) of every query of a partition: bounded by queries x cap rows."""

    def __init__(self, caps: Callable[[], npt.NDArray[np.int64]]) -> None:
        """`caps` gives the cap of each query; called once per process, when the first table comes."""
        self._read_caps = caps
        self._caps: npt.NDArray[np.int64] | None = None

    def _lowest(self, tables: Iterable[pa.Table]) -> pa.Table:
        if self._caps is None:
            self._caps = self._read_caps()
        return keep_lowest(tables, self._caps)

    def create_accumulator(self) -> pa.Table:
        return RANKED.empty_table()

    def add_input(self, accumulator: pa.Table, element: pa.Table) -> pa.Table:
        return _gathered(accumulator, element, self._lowest)

    def merge_accumulators(self, accumulators: Iterable[pa.Table]) -> pa.Table:
        return self._lowest(accumulators)

    def extract_output(self, accumulator: pa.Table) -> pa.Table:
        return self._lowest([accumulator])

    def get_accumulator_coder(self) -> beam.coders.Coder:
        return ArrowTableCoder()


def _gathered(accumulator: pa.Table, element: pa.Table, reduce: Callable[[Iterable[pa.Table]], pa.Table]) -> pa.Table:
    """Append `element`; reduce when the tables waiting outweigh what is reduced already (amortised n log n)."""
    if len(accumulator) == 0:
        return reduce([element])
    first = len(accumulator.column(0).chunk(0))
    together = pa.concat_tables([accumulator, element])
    waiting = len(together) - first
    return reduce([together]) if waiting > max(first, 16 * MAX_ELEMENT_ROWS) else together
