"""Samples drawn by hash from rows that stream by: the same whatever the order of the rows. Held are the drawn ones."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.identity import sample_rows

PER_QUERY = 3

Matches = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""(row, query) of each match."""


class DrawnRows:
    """The rows of lowest hash of their ``key``."""

    def __init__(self, num: int, seed: int) -> None:
        self._num, self._seed = num, seed
        self._rows: pa.Table | None = None

    def add(self, rows: pa.Table) -> None:
        """Draw from `rows`, too, which have a column ``key`` of different texts."""
        if not self._num:
            return
        both = rows if self._rows is None else pa.concat_tables([self._rows, rows], promote_options="default")
        self._rows = both.take(pa.array(sample_rows(both["key"], self._num, self._seed))).combine_chunks()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What was drawn, lowest hash first."""
        return [] if self._rows is None else self._rows.to_pylist()


class DrawnPerQuery:
    """Of each asked query the `PER_QUERY` matching rows of lowest hash of their ``key``."""

    def __init__(self, queries: npt.NDArray[np.int64], seed: int) -> None:
        self._seed = seed
        self._drawn = {int(query): DrawnRows(PER_QUERY, seed) for query in queries}
        self._queries = np.sort(queries)

    def add(self, rows: pa.Table, matches: Matches, is_allowed: npt.NDArray[np.bool_]) -> None:
        """Draw from the allowed `rows`, too."""
        row, query = matches
        wanted = np.isin(query, self._queries) & is_allowed[row]
        if not wanted.any():
            return
        row, query = row[wanted], query[wanted]
        place = np.empty(len(rows), dtype=np.int64)
        place[sample_rows(rows["key"], len(rows), self._seed)] = np.arange(len(rows))
        for one in np.unique(query):
            own = np.unique(row[query == one])
            first = own[np.argsort(place[own])[:PER_QUERY]]
            self._drawn[int(one)].add(rows.take(pa.array(first)))

    def rows(self, query: int) -> list[dict[str, Any]]:
        """What was drawn of a query, lowest hash first."""
        return self._drawn[query].rows if query in self._drawn else []
