"""Queries of a balance: texts and counts in; curves by rank, the most and the least matched, sources, balance, out.

Held are the list's texts and some 40 bytes a query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import values_of
from schemas.candidate import QUERY_COUNTS
from schemas.identity import sample_rows
from schemas.query import QUERIES
from schemas.storage import Folder
from schemas.svg_chart import log_ranks
from schemas.tables import read_table
from schemas.tables_dir import QUERIES_NAME, QUERY_COUNTS_NAME, find_table

SHOWN_QUERIES = 30
"""Of the most matched, and of the least matched."""

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class QueryList:
    """The queries by query_id, and what each matched and selected."""

    texts: pa.ChunkedArray
    sources: pa.ChunkedArray
    languages: pa.ChunkedArray
    matched: Int64s
    selected: Int64s

    @property
    def top(self) -> Int64s:
        """The ids of the queries with most matches, the most first."""
        order = np.argsort(-self.matched, kind="stable")[:SHOWN_QUERIES]
        return order[self.matched[order] > 0]

    def rare(self, seed: int) -> Int64s:
        """The ids of queries with the fewest matches, but some, and none of the `top`; of equal ones those by hash."""
        place = np.empty(len(self.matched), dtype=np.int64)
        place[sample_rows(self.texts, len(self.matched), seed)] = np.arange(len(self.matched))
        order = np.lexsort((place, self.matched))
        order = order[(self.matched[order] > 0) & ~np.isin(order, self.top)]
        return order[:SHOWN_QUERIES]

    def text(self, query: int) -> str:
        """Return a query as it is written most often."""
        return str(self.texts[query].as_py())


def read_queries(folder: Folder) -> QueryList:
    """Return the queries of a selection or shards folder. Raises ValueError that names a table that is not as written.

    Raises FileNotFoundError for a folder without these tables.
    """
    names = [find_table(folder, name) for name in (QUERIES_NAME, QUERY_COUNTS_NAME)]
    queries = read_table(folder, names[0], QUERIES, ["surface", "source", "language"])
    counts = read_table(folder, names[1], QUERY_COUNTS)
    if len(queries) != len(counts):
        raise ValueError(
            f"{folder.path(names[1])}: expected a row for each of the {len(queries)} queries of "
            f"{folder.path(names[0])}, found {len(counts)}; the files are of two runs, make the folder again"
        )
    return QueryList(
        queries["surface"], queries["source"].cast(pa.string()), queries["language"],
        counts["matched"].to_numpy(), counts["selected"].to_numpy(),
    )  # fmt: skip


def has_queries(folder: Folder) -> bool:
    """Tell whether a folder has both tables; one of a list that was downloaded without queries has none."""
    return all(folder.exists(find_table(folder, name)) for name in (QUERIES_NAME, QUERY_COUNTS_NAME))


def curve(values: Int64s) -> tuple[Int64s, Int64s]:
    """Return (ranks from 1, values) of what is above 0, thinned to ranks at equal steps of their logarithm."""
    ordered = np.sort(values[values > 0])[::-1]
    ranks = log_ranks(len(ordered))
    return ranks, ordered[ranks - 1]


def by_source(queries: QueryList) -> dict[str, dict[str, int]]:
    """Return by source how many queries it owns, and how many of them match nothing."""
    found = {}
    for source in sorted(values_of(pc.unique(queries.sources))):
        own = np.asarray(pc.equal(queries.sources, source).to_numpy(), dtype=bool)
        found[str(source)] = {"queries": int(own.sum()), "without_match": int((queries.matched[own] == 0).sum())}
    return found


def balance(queries: QueryList, summary: Mapping[str, Any], stored: Int64s | None) -> dict[str, Any]:
    """Return the balance as predicted by the manifest's caps and as it came out.

    Shares are those of pairs held by queries of up to the cap. `stored`: matches of stored pairs, by query.
    """
    caps = summary.get("caps", {})
    languages = queries.languages
    of_query = np.full(len(queries.matched), np.iinfo(np.int64).max, dtype=np.int64)
    for language, cap in caps.items():
        of_query[np.asarray(pc.equal(languages, language).to_numpy(), dtype=bool)] = cap
    tail = queries.matched <= of_query
    counts = summary.get("counts", {})
    selected: dict[str, int | None] = {
        "predicted": counts.get("expected_selected"), "realised": counts.get("selected_pairs"),
    }  # fmt: skip
    return {
        "caps": caps,
        "selected_pairs": selected,
        "tail_share": {
            "of matches": _share(queries.matched, tail),
            "of selected": _share(queries.selected, tail),
            **({"of stored": _share(stored, tail)} if stored is not None else {}),
        },
        "queries": {
            "without_match": int((queries.matched == 0).sum()),
            "up_to_cap": int((tail & (queries.matched > 0)).sum()),
            "over_cap": int((~tail).sum()),
        },
    }


def _share(values: Int64s, tail: npt.NDArray[np.bool_]) -> float | None:
    whole = int(values.sum())
    return round(float(values[tail].sum()) / whole, 6) if whole else None


def listed(queries: QueryList, ids: Sequence[int] | Int64s, stored: Int64s | None) -> list[dict[str, Any]]:
    """Return the rows of the table of some queries."""
    return [
        {
            "query_id": int(query), "text": queries.text(int(query)),
            "source": str(queries.sources[int(query)].as_py()),
            "matched": int(queries.matched[query]), "selected": int(queries.selected[query]),
            "stored": None if stored is None else int(stored[query]),
        }
        for query in ids
    ]  # fmt: skip
