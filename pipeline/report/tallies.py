"""Counts over columns that stream by: batches of Arrow in, histograms and the most frequent values out. Pure.

Held are the bins, and of values at most `MAX_VALUES`; beyond that the rarest are
forgotten, and the counts are at least so high.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import values_of

MAX_VALUES = 500_000
_HOST = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/]*\]|[^/:?#]*)"


class Histogram:
    """Counts by bin; the first and the last bin hold what is beyond."""

    def __init__(self, edges: Sequence[float]) -> None:
        """`edges` between the bins, ascending: a value on an edge is of the bin above it."""
        self.edges = np.array(edges, dtype=np.float64)
        self.counts = np.zeros(len(edges) + 1, dtype=np.int64)
        self.sum = 0.0
        self.max = 0.0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Count `values`, none of them NaN."""
        if len(values):
            bins = np.searchsorted(self.edges, values, side="right")
            self.counts += np.bincount(bins, minlength=len(self.counts))
            self.sum += float(values.sum())
            self.max = max(self.max, float(values.max()))

    @property
    def count(self) -> int:
        """How many were counted."""
        return int(self.counts.sum())

    @property
    def labels(self) -> list[str]:
        """Names of the bins."""
        ends = [f"{edge:g}" for edge in self.edges]
        inner = [f"{low}\u2013{high}" for low, high in pairwise(ends)]
        return [f"< {ends[0]}", *inner, f"\u2265 {ends[-1]}"]

    def as_json(self) -> dict[str, Any]:
        """Return bins, mean and largest."""
        mean = round(self.sum / self.count, 3) if self.count else None
        return {"count": self.count, "mean": mean, "max": self.max, "edges": self.edges.tolist(),
                "bins": self.counts.tolist()}  # fmt: skip


class Frequencies:
    """How often values came."""

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self.counts: Counter[str] = Counter()
        self.is_exact = True
        self._max_values = max_values

    def add(self, values: pa.Array | pa.ChunkedArray) -> None:
        """Count texts; null is none."""
        found: Any = pc.value_counts(values.drop_null())
        self.counts.update(
            dict(zip(values_of(found.field("values")), values_of(found.field("counts")), strict=True))
        )  # fmt: skip
        if len(self.counts) > self._max_values:
            self.is_exact = False
            self.counts = Counter(dict(self._ordered()[: self._max_values // 2]))

    def most(self, num: int) -> list[tuple[str, int]]:
        """Return the most frequent values, of equal ones by name."""
        return self._ordered()[:num]

    def _ordered(self) -> list[tuple[str, int]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))


def hosts_of(urls: pa.Array | pa.ChunkedArray) -> Any:
    """Return the host of each URL in small letters, without user info and port; null for what has none."""
    return pc.utf8_lower(pc.struct_field(pc.extract_regex(urls, _HOST), "host"))
