"""Look into one Parquet file of a queries folder without reading it whole.

In: a folder and the name of a file with a column ``text``, rows in any order. Out: a row by its text, and ranks.
Row groups whose statistics rule them out are not read, so a file sorted by text answers `find` at once and one
sorted by value answers `rank_by_value` at once; in any other order the answer is the same and takes longer.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.arrow_types import values_of
from schemas.storage import Folder

UNREADABLE = (pa.ArrowException, OSError)
"""What Arrow raises over a damaged file, by damage."""


class CountsFile:
    """One Parquet file, opened; row groups are read as they are asked for."""

    def __init__(self, folder: Folder, name: str, schema: pa.Schema) -> None:
        """Open file `name`. Raises ValueError when it is no Parquet file with the columns of `schema`."""
        self.where = folder.path(name)
        try:
            # A path lets Arrow read without the interpreter; other filesystems go through fsspec.
            source = self.where if folder.local else folder.open(name)
            self._file = pq.ParquetFile(source, memory_map=folder.local)
            found, footer = self._file.schema_arrow, self._file.metadata
            self._columns = {footer.schema.column(i).path: i for i in range(footer.num_columns)}
        except (*UNREADABLE, UnicodeDecodeError) as error:
            raise ValueError(f"{self.where}: expected a Parquet file, {error}") from error
        for field in schema:
            place = found.get_field_index(field.name)
            if place < 0 or found.field(place).type != field.type:
                kind = "none" if place < 0 else found.field(place).type
                raise ValueError(f"{self.where}: expected one column {field.name!r} of {field.type}, found {kind}")
        self.names: list[str] = found.names

    def find(self, text: str, **equal: int) -> dict[str, Any] | None:
        """Return the row of `text`. `equal` are values its integer columns are known to hold: they save reading."""
        for group in self.groups():
            known: dict[str, Any] = {"text": text, **equal}
            if not all(self._may_hold(group, name, value) for name, value in known.items()):
                continue
            if equal:
                keys = self.read(group, list(equal))
                hits = np.ones(len(keys), dtype=bool)
                for name, value in equal.items():
                    hits &= keys[name].to_numpy() == value
                if not hits.any():
                    continue
            row = pc.index(self.read(group, ["text"])["text"], pa.scalar(text, pa.string())).as_py()
            if row >= 0:
                found: dict[str, Any] = self.read(group, self.names).slice(row, 1).to_pylist()[0]
                return found
        return None

    def find_unspaced(self, text: str) -> list[dict[str, Any]]:
        """Return the rows whose text is `text` but for spaces."""
        wanted, found = text.replace(" ", ""), []
        for group in self.groups():
            unspaced = pc.replace_substring(self.read(group, ["text"])["text"], " ", "")
            rows = pc.indices_nonzero(pc.equal(unspaced, wanted))
            if len(rows):
                found += self.read(group, self.names).take(rows).to_pylist()
        return found

    def rank_by_value(self, column: str, value: int, text: str, min_value: int) -> tuple[int, int]:
        """Return (rank from 1, of how many) of a row in the order value descending, then text.

        Only rows of at least `min_value` are in the order.
        """
        before, total = 0, 0
        for group in self.groups():
            low, high = self.limits(group, column)
            rows = self.num_rows(group)
            if high is not None and high < min_value:
                continue
            if low is not None and low >= min_value and (low > value or high < value):
                before += rows if low > value else 0
                total += rows
                continue
            values = self.read(group, [column])[column].to_numpy()
            total += int((values >= min_value).sum())
            before += int((values > value).sum()) + self.num_texts_before(group, values == value, text)
        return before + 1, total

    def place(self, column: str, num: int) -> tuple[int, frozenset[str]]:
        """Return the value at place `num` (from 1) of the order value descending, then text, and the texts with this
        value up to there. Where the file has fewer rows, the last row's."""
        values = np.concatenate([table[column].to_numpy() for table in self.tables([column])] or [np.zeros(0)])
        if not len(values):
            return 0, frozenset()
        num = min(num, len(values))
        value = int(np.partition(values, len(values) - num)[len(values) - num])
        tied: list[str] = []
        for group in self.groups():
            if self._may_hold(group, column, value):
                table = self.read(group, ["text", column])
                tied += values_of(table.filter(pc.equal(table[column], value))["text"])
        return value, frozenset(sorted(tied)[: num - int((values > value).sum())])

    def groups(self) -> range:
        """Return the numbers of the row groups."""
        return range(self._file.num_row_groups)

    def num_rows(self, group: int) -> int:
        """Return the rows of a row group."""
        return int(self._file.metadata.row_group(group).num_rows)

    def tables(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield `columns` of the whole file, a row group at a time."""
        for group in self.groups():
            yield self.read(group, columns)

    def num_texts_before(self, group: int, mask: npt.NDArray[np.bool_], text: str) -> int:
        """Count the rows of `mask` whose text is smaller."""
        if not mask.any():
            return 0
        low, high = self.limits(group, "text")
        if low is not None and low >= text:
            return 0
        if high is not None and high < text:
            return int(mask.sum())
        texts = self.read(group, ["text"])["text"].filter(pa.array(mask))
        return int(pc.sum(pc.less(texts, text)).as_py() or 0)

    def _may_hold(self, group: int, column: str, value: Any) -> bool:
        low, high = self.limits(group, column)
        return (low is None or low <= value) and (high is None or value <= high)

    def limits(self, group: int, column: str) -> tuple[Any, Any]:
        """Return the statistics (smallest, largest) of a row group; None where the writer left none."""
        statistics = self._file.metadata.row_group(group).column(self._columns[column]).statistics
        if statistics is None or not statistics.has_min_max:
            return None, None
        return statistics.min, statistics.max

    def read(self, group: int, columns: list[str]) -> pa.Table:
        """Return `columns` of one row group. Raises ValueError when they cannot be read."""
        try:
            table = self._file.read_row_group(group, columns=columns)
            table.validate(full=True)  # also that texts are UTF-8
        except UNREADABLE as error:
            raise ValueError(f"{self.where}: row group {group} cannot be read, {error}; make it again") from error
        return table
