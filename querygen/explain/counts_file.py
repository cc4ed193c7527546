"""Look into one Parquet file of a queries folder without reading it whole.

In: a folder and the name of a file with a column ``text``, rows in any order. Out: a row by its text, and ranks.
Row groups whose statistics rule them out are not read, so a file sorted by text answers `find` at once and one
sorted by value answers `rank_by_value` at once; in any other order the answer is the same and takes longer.
"""

import functools
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

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
            files = LocalFileSystem(use_mmap=True) if folder.local else None
            source = self.where if folder.local else folder.open(name)
            self._file: Any = ds.ParquetFileFormat().make_fragment(source, files)
            found = self._file.physical_schema
        except (*UNREADABLE, UnicodeDecodeError) as error:
            raise ValueError(f"{self.where}: expected a Parquet file, {error}") from error
        for field in schema:
            place = found.get_field_index(field.name)
            if place < 0 or found.field(place).type != field.type:
                kind = "none" if place < 0 else found.field(place).type
                raise ValueError(f"{self.where}: expected one column {field.name!r} of {field.type}, found {kind}")

    def find(self, text: str, **equal: int) -> dict[str, Any] | None:
        """Return the row of `text`. `equal` are values its integer columns are known to hold: they save reading."""
        known = [pc.field(name) == value for name, value in equal.items()]
        return next(self._rows(*known, pc.field("text") == text), None)

    def find_unspaced(self, text: str) -> list[dict[str, Any]]:
        """Return the rows whose text is `text` but for spaces."""
        return list(self._rows(pc.replace_substring(pc.field("text"), " ", "") == text.replace(" ", "")))

    def rank_by_value(self, column: str, value: int, text: str, min_value: int) -> tuple[int, int]:
        """Return (rank from 1, of how many) of a row in the order value descending, then text.

        Only rows of at least `min_value`, as this one is, are in the order.
        """
        values = pc.field(column)
        before = self._count(values > value) + self._count((values == value) & (pc.field("text") < text))
        return before + 1, self._count(values >= min_value)

    def place(self, column: str, num: int) -> tuple[int, frozenset[str]]:
        """Return the value at place `num` (from 1) of the order value descending, then text, and the texts with this
        value up to there. Where the file has fewer rows, the last row's."""
        values = np.concatenate([table[column].to_numpy() for table in self.tables([column])] or [np.zeros(0)])
        if not len(values):
            return 0, frozenset()
        num = min(num, len(values))
        value = int(np.partition(values, len(values) - num)[len(values) - num])
        tied = sorted(row["text"] for row in self._rows(pc.field(column) == value))
        return value, frozenset(tied[: num - int((values > value).sum())])

    def tables(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield `columns` of the whole file, a row group at a time."""
        for group in self.groups():
            yield self.read(group, columns)

    def groups(self, where: Any = None) -> list[Any]:
        """Return the row groups that may hold rows for which `where` holds (None: all)."""
        with self._reading():
            return list(self._file.split_by_row_group(where))

    def read(self, group: Any, columns: list[str] | None = None, where: Any = None) -> pa.Table:
        """Return `columns` (None: all) of a row group's rows for which `where` holds (None: of all)."""
        with self._reading(group):
            table = group.to_table(columns=columns, filter=where)
            table.validate(full=True)  # also that texts are UTF-8
        return table

    def _rows(self, *conditions: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows for which all `conditions` hold; where no row meets the first ones, only these are read."""
        where = functools.reduce(operator.and_, conditions)
        for group in self.groups(where):
            if all(self._count(condition, group) for condition in conditions):
                yield from self.read(group, where=where).to_pylist()

    def _count(self, where: Any, group: Any = None) -> int:
        """Return the number of rows for which `where` holds, of a row group or all."""
        with self._reading(group):
            return int((group or self._file).count_rows(filter=where))

    @contextmanager
    def _reading(self, group: Any = None) -> Iterator[None]:
        """Raise ValueError that names the place where Arrow cannot read."""
        try:
            yield
        except UNREADABLE as error:
            place = f": row group {group.row_groups[0].id}" if group else ""
            raise ValueError(f"{self.where}{place} cannot be read, {error}; make it again") from error
