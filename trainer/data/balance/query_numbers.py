"""The queries of several folders, numbered as one list.

In: the folders' query tables. Out: each query once, and for each folder the number of each of its query ids. Rounds of
one selection have one list; of folders with lists of their own the same text in the same language is one query.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk
from schemas.checked import check_numbering
from schemas.manifest import MANIFEST_FILE, recorded
from schemas.query import QUERIES
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.tables_dir import QUERIES_NAME, find_table


@dataclass(frozen=True)
class QueryNumbers:
    """The queries of a run."""

    queries: pa.Table
    """Columns language and text; row i is query number i."""
    of_folder: list[npt.NDArray[np.int32]]
    """Of each folder: the number of each query id."""

    def __len__(self) -> int:
        return len(self.queries)


def number_queries(folders: Sequence[Folder]) -> QueryNumbers:
    """Return the numbering of the queries of `folders`: that of the first, then what others have besides.

    Raises FileNotFoundError for a folder without queries, ValueError for a table that is none of queries.
    """
    tables = [_queries(folder) for folder in folders]
    named = [pc.binary_join_element_wise(table["language"], table["text"], "\0") for table in tables]
    distinct = pc.unique(pa.chunked_array([chunk for column in named for chunk in column.chunks], pa.string()))
    first_rows = pc.index_in(distinct, pa.chunked_array([chunk for column in named for chunk in column.chunks]))
    return QueryNumbers(
        pa.concat_tables(tables).select(["language", "text"]).take(first_rows),
        [one_chunk(pc.index_in(column, distinct)).to_numpy().astype(np.int32) for column in named],
    )


def _queries(folder: Folder) -> pa.Table:
    name = find_table(folder, QUERIES_NAME)
    if not folder.exists(name):
        raise FileNotFoundError(without_queries(folder))
    record = recorded(folder, name) if folder.exists(MANIFEST_FILE) else None
    table = read_table(folder, name, QUERIES, ["query_id", "language", "text"], record)
    check_numbering(table["query_id"], folder.path(name), "query ids")
    return table.sort_by("query_id")


def without_queries(folder: Folder) -> str:
    """Return what is told of a folder without queries."""
    return (
        f"--balance online: {folder.url} has no tables/{QUERIES_NAME}, so a cap has no counts; expected a folder made "
        "by pipeline download, or train without --balance"
    )
