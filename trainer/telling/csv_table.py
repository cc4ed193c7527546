"""A CSV file that grows by whole rows while a run goes, and goes on where a resumed run does.

On a local disk each row is appended in one write. An object store appends to nothing: there rows go into parts
(``metrics.csv.parts/0000120.csv``, by the last step in each), which become one file when there are many, and at the
end.
"""

import csv
import io
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.storage import Folder
from schemas.write_failures import raise_named

PART_EVERY_S = 10.0
MAX_PARTS = 100
STEP = "step"


class CsvTable:
    """Rows by `columns`, the first of which is the step."""

    def __init__(self, folder: Folder, name: str, columns: Sequence[str], resumed_step: int) -> None:
        """Go on after `resumed_step`: later rows, which a run left that did not save them, are dropped."""
        assert columns[0] == STEP
        self._folder = folder
        self._name, self._parts_dir = name, f"{name}.parts"
        self._columns = list(columns)
        self._parts = folder.names(self._parts_dir, ".csv")
        rows: list[dict[str, Any]] = []
        for file in (name, *self._parts):
            done_step = int(rows[-1][STEP]) if rows else -1  # a part can stand in the whole file already
            rows += [row for row in self._read(file) if done_step < int(row[STEP]) <= resumed_step]
        self._lines = [self._line(row) for row in rows]
        self._last = rows[-1] if rows else None
        self._merge()
        self._unwritten = 0
        self._written_s = time.monotonic()
        self._descriptor = os.open(folder.path(name), os.O_WRONLY | os.O_APPEND) if folder.local else None

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append all rows of a step; None is an empty field."""
        lines = [self._line(row) for row in rows]
        self._lines += lines
        self._last = dict(rows[-1])
        if self._descriptor is not None:
            self._append("".join(lines).encode())
            return
        self._unwritten += len(lines)
        if time.monotonic() - self._written_s >= PART_EVERY_S:
            self.flush()

    def _append(self, data: bytes) -> None:
        """Write all of `data`: a disk that is about full takes a part of it, and fails by the next write."""
        assert self._descriptor is not None
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise_named(error, self._folder.path(self._name))
            raise

    def last(self) -> dict[str, Any] | None:
        """Return the latest row, of values as they were given or, from before a resumption, texts; None without any."""
        return self._last

    def flush(self) -> None:
        """Have all rows stand in files."""
        if self._unwritten:
            lines, self._unwritten = self._lines[-self._unwritten :], 0
            part = f"{self._parts_dir}/{int((self._last or {})[STEP]):07d}.csv"
            self._folder.write(part, (self._line(None) + "".join(lines)).encode())
            self._parts.append(part)
            self._written_s = time.monotonic()
            if len(self._parts) >= MAX_PARTS:
                self._merge()

    def close(self) -> None:
        """Leave one file."""
        self.flush()
        if self._descriptor is not None:
            os.close(self._descriptor)
        elif self._parts:
            self._merge()

    def _merge(self) -> None:
        self._folder.write(self._name, (self._line(None) + "".join(self._lines)).encode())
        if self._parts:  # read again beside the whole file, they would give their rows twice
            self._folder.delete(self._parts_dir)
            self._parts = []

    def _read(self, name: str) -> list[dict[str, Any]]:
        if not self._folder.exists(name):
            return []
        text = self._folder.read(name).decode()
        whole = text[: text.rfind("\n") + 1]  # a machine that lost power can have left half a row
        rows = list(csv.DictReader(io.StringIO(whole)))
        if any(not (row.get(STEP) or "").isdigit() for row in rows):
            raise ValueError(
                f"{self._folder.path(name)}: expected rows with a step in the column {STEP!r}; the file was changed, "
                "delete it and run the same command again"
            )
        return rows

    def _line(self, row: Mapping[str, Any] | None) -> str:
        """Return a row as text, None: the names."""
        values: list[Any] = self._columns
        if row is not None:
            values = ["" if (v := row.get(name)) is None else f"{v:.6g}" if isinstance(v, float) else v
                      for name in self._columns]  # fmt: skip
        sink = io.StringIO()
        csv.writer(sink, lineterminator="\n").writerow(values)
        return sink.getvalue()
