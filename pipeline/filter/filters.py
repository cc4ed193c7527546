"""The filters that the options ask for: checked pairs in; those kept, and the others by reason, out.

A filter is a pure function Table -> mask of the rows it keeps (or Table -> Table when it mends what it reads). What it
drops is counted and sampled under its reason.
"""

from dataclasses import dataclass

import pyarrow as pa

from pipeline.filter.config import FilterOptions


@dataclass(frozen=True)
class Filtered:
    """What the filters made of one table."""

    pairs: pa.Table
    dropped: list[tuple[str, pa.Table]]
    """(reason, rows), in the order of the filters."""


class Filters:
    """The filters of `options`; built once per process."""

    def __init__(self, options: FilterOptions) -> None:
        self._options = options

    def apply(self, pairs: pa.Table) -> Filtered:
        """Filter checked pairs (`pipeline.collect.raw_pairs.CheckedPairs.pairs`)."""
        return Filtered(pairs, [])
