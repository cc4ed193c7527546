"""The query list and its counts as they are read: by query_id, whose numbers compiled code may use as indices.

In: a finished folder. Out: its table of queries, or of counts; row i is query i.
"""

import numpy as np
import pyarrow as pa

from schemas.candidate import QUERY_COUNTS
from schemas.checked import check_arrow, check_numbering
from schemas.manifest import read_manifest, recorded
from schemas.query import QUERIES
from schemas.storage import Folder
from schemas.tables import as_in_memory, read_table
from schemas.tables_dir import QUERIES_NAME, QUERY_COUNTS_NAME, find_table

QUERY_COLUMNS = ("query_id", "text", "surface", "language")
COUNT_COLUMNS = ("query_id", "matched", "kept", "selected")
"""Columns that are asked for."""


def read_queries(folder: Folder, columns: tuple[str, ...] = QUERY_COLUMNS) -> pa.Table:
    """Return `columns` of the queries of a finished queries folder, in query_id order; query_id is one of them.

    Raises ValueError that names the file when it is not as it was written, or its ids are not 0 .. n-1, each once.
    """
    table = _in_order(folder, QUERIES_NAME, QUERIES, columns, only_needed=True)
    rows = read_manifest(folder, "queries")["rows"]
    if len(table) != rows:
        raise ValueError(
            f"{folder.path(QUERIES_NAME)}: expected the {rows} queries of its manifest, found {len(table)}; make the "
            "folder again"
        )
    return table


def read_copied_queries(folder: Folder) -> tuple[pa.Table, pa.Table]:
    """Return (queries, their counts) of a finished selection or shards folder, both in query_id order.

    Raises ValueError as `read_queries` does, and when one of them has other queries.
    """
    queries = _in_order(folder, find_table(folder, QUERIES_NAME), QUERIES, QUERY_COLUMNS)
    counts = _in_order(folder, find_table(folder, QUERY_COUNTS_NAME), QUERY_COUNTS, COUNT_COLUMNS)
    if len(queries) != len(counts):
        raise ValueError(
            f"{folder.url}: expected counts of the {len(queries)} queries, found {len(counts)}; make the folder again"
        )
    return queries, counts


def _in_order(
    folder: Folder, name: str, schema: pa.Schema, needed: tuple[str, ...], only_needed: bool = False
) -> pa.Table:
    where = folder.path(name)
    table = read_table(folder, name, columns=list(needed) if only_needed else None, record=recorded(folder, name))
    for column in needed:  # all others: as the file has them, perhaps of an older minor version
        wanted = pa.schema([schema.field(column)])
        as_in_memory(table.select([column]) if column in table.schema.names else table, wanted, where)
    check_arrow(table.select(list(needed)), where)  # that texts are UTF-8, too
    check_numbering(table["query_id"], where, "query ids")
    if not np.array_equal(table["query_id"].to_numpy(), np.arange(len(table))):
        table = table.sort_by("query_id")
    return table
