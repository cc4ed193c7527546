"""The query that each sample of a shard was collected for, where the shards were made of a query list.

In: a folder of shards. Out: by key, the text of its first query.
"""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.checked import first_line
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.tables_dir import QUERIES_NAME, find_table


class SampleQueries:
    """Queries by the tar that a sample lies in; of one tar at a time. Memory: the list, and one tar's table."""

    def __init__(self, shards: Folder) -> None:
        self._shards = shards
        self._texts: dict[int, str] = {}
        self._tar, self._found = "", dict[str, str]()
        name = find_table(shards, QUERIES_NAME)
        if shards.exists(name):
            table = read_table(shards, name, columns=["query_id", "text"])
            ids: list[Any] = table["query_id"].to_pylist()
            texts: list[Any] = table["text"].to_pylist()
            self._texts = dict(zip(ids, texts, strict=True))

    def of_tar(self, tar: str) -> dict[str, str]:
        """Return the text of the first query of each key; empty where the shards do not tell."""
        if not self._texts:
            return {}
        if tar != self._tar:
            self._tar, self._found = tar, self._read(tar.removesuffix(".tar") + ".parquet")
        return self._found

    def _read(self, name: str) -> dict[str, str]:
        if not self._shards.exists(name):
            return {}
        with self._shards.open(name) as raw:
            try:
                table = pq.read_table(raw, columns=["key", "query_ids"])
            except pa.ArrowException as error:
                raise ValueError(
                    f"{self._shards.path(name)}: expected a table of samples, {first_line(error)}"
                ) from None
        found: dict[str, str] = {}
        keys: list[Any] = table["key"].to_pylist()
        ids: list[Any] = table["query_ids"].to_pylist()
        for key, lists in zip(keys, ids, strict=True):
            first = next((ids[0] for ids in lists if ids), None)
            if first in self._texts:
                found[key] = self._texts[first]
        return found
