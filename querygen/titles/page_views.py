"""Page views of one language: Wikimedia's files in, views by title out, as MediaWiki writes titles.

Two kinds of line are known, whatever the file is called; other languages' lines are skipped:

    en.m New_York_City 5 0                                    hourly: domain, title, views, bytes
    en.wikipedia New_York_City 645042 mobile-web 5 A1C4       daily, monthly: wiki, title, page id, access, views,
                                                              hours or days; the page id may be null or missing

Hourly domains are ``en``, ``en.m`` and ``en.zero``; all ways of access count. (Wikimedia, "Analytics/Data
Lake/Traffic/Pageviews" and "Pageview complete".) Titles in quotes: see `querygen.titles.quoted_title`. One compiled
pass over the unpacked bytes checks the lines, undoes the encoding of titles and sums by title; memory is about 55 bytes
for a title of 22.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from querygen.titles.page_view_lines import (
    LEAST_LINE_BYTES,
    LINES,
    MAX_LINE_BYTES,
    REFUSED_LINES,
    REFUSED_VIEWS,
    VIEWS,
    Prefixes,
    ViewSums,
    add_lines,
    new_stage,
)
from querygen.titles.title_table import TitleTable, title_buffers
from querygen.titles.view_title import slow_title, title_classes
from schemas.arrow_types import values_of
from schemas.kernels.ascii import NEWLINE
from schemas.packed import BROKEN_DATA, FileTruncated, decompress
from schemas.rejection import MAX_VALUE_BYTES, Rejection

MAX_REJECTIONS = 100_000
"""Malformed lines stored per file; all are counted."""

TALLY = ("files", "bytes", "lines", "views", "lines_malformed", "lines_no_title", "views_no_title")
"""Bytes are of unpacked text, lines and views those of the language; no_title: the text can be no page's title."""


@dataclass(frozen=True, kw_only=True)
class ViewCounts:
    """Views by title; what `merge_views` joins. Compact to pickle."""

    titles: pa.Array = field(default_factory=lambda: pa.array([], pa.large_binary()))
    """UTF-8, distinct, in the order of their first coming."""
    views: pa.Array = field(default_factory=lambda: pa.array([], pa.int64()))
    tally: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TALLY, 0))
    rejections: list[Rejection] = field(default_factory=list)

    def to_dict(self) -> dict[str, int]:
        """Return views by title as Python objects; for few titles."""
        return {title.decode(): views for title, views in zip(values_of(self.titles), values_of(self.views))}  # noqa: B905


class _Scanner:
    """Sums the views of one language over many files."""

    def __init__(self, language: str) -> None:
        code = language.encode()
        prefixes = [code + suffix for suffix in (b" ", b".m ", b".zero ", b".wikipedia ")]
        self._prefixes = Prefixes(
            data=np.frombuffer(b"".join(prefixes), dtype=np.uint8), bounds=np.cumsum([0, *map(len, prefixes)])
        )
        self._table = TitleTable()
        self._slow = TitleTable()
        self._stage = new_stage()
        self._totals = np.zeros(4, dtype=np.int64)
        self._num_bytes = self._num_files = self._num_malformed = 0
        self._rejections: list[Rejection] = []

    def add_file(self, path: str, name: str, progress: Callable[[int], Any]) -> None:
        """Count the lines of one file. The line that a truncated file breaks off in is left out."""
        position, rest = 0, b""
        skipping = False  # within a line that is too long and rejected already
        self._num_files += 1
        room = MAX_REJECTIONS
        damage: tuple[str, str] | None = None
        try:
            with fsspec.open(path, "rb") as raw:
                for piece in decompress(raw, progress):
                    self._num_bytes += len(piece)
                    if skipping:
                        cut = piece.find(b"\n") + 1
                        position += cut or len(piece)
                        if not cut:
                            continue
                        piece, skipping = piece[cut:], False
                    buffer = rest + piece if rest else piece
                    data = np.frombuffer(buffer, dtype=np.uint8)
                    ends = np.flatnonzero(data == NEWLINE)
                    room = self._add_lines(data, ends, position, name, room)
                    whole = int(ends[-1]) + 1 if len(ends) else 0
                    position += whole
                    rest = buffer[whole:]
                    if len(rest) > MAX_LINE_BYTES:
                        room = self._reject(rest, position, name, room)
                        position, rest, skipping = position + len(rest), b"", True
        except FileTruncated as error:
            damage = ("file_truncated", str(error))
        except BROKEN_DATA as error:
            damage = ("file_unreadable", type(error).__name__)
        if damage is not None:
            self._rejections.append(Rejection(damage[0], name, position, damage[1]))
        elif rest:
            self._add_lines(np.frombuffer(rest, dtype=np.uint8), np.array([len(rest)]), position, name, room)

    def _add_lines(
        self, data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], position: int, name: str, room: int
    ) -> int:
        bad = np.empty(len(ends), dtype=np.int64)
        most = min(len(ends), len(data) // LEAST_LINE_BYTES + 1)
        self._table.reserve(most, len(data))
        self._slow.reserve(most, len(data))
        sums = ViewSums(self._table.arrays, self._slow.arrays, self._totals)
        num_bad = add_lines(data, ends, self._prefixes, title_classes(), self._stage, sums, bad)
        for number in bad[:num_bad]:
            begin = int(ends[number - 1]) + 1 if number else 0
            room = self._reject(data[begin : int(ends[number])].tobytes(), position + begin, name, room)
        return room

    def _reject(self, line: bytes, position: int, name: str, room: int) -> int:
        self._num_malformed += 1
        if room > 0:
            self._rejections.append(Rejection("page_views_line_malformed", name, position, line[:MAX_VALUE_BYTES]))
        return room - 1

    def finish(self) -> ViewCounts:
        """Return what was counted."""
        tally = dict.fromkeys(TALLY, 0)
        totals = self._totals.tolist()
        refused_views = totals[REFUSED_VIEWS]
        for raw, count in zip(*(column.to_pylist() for column in self._slow.to_arrow()), strict=True):
            title = slow_title(raw)
            if title is None:
                refused_views += count
            else:
                self._table.add_one(title, count)
        titles, sums = self._table.to_arrow()
        tally.update(
            files=self._num_files, bytes=self._num_bytes, lines=totals[LINES], views=totals[VIEWS],
            lines_malformed=self._num_malformed, lines_no_title=totals[REFUSED_LINES], views_no_title=refused_views,
        )  # fmt: skip
        return ViewCounts(titles=titles, views=sums, tally=tally, rejections=self._rejections)


def _no_progress(num_bytes: int) -> None:
    pass


def count_views_file(path: str, name: str, language: str, progress: Callable[[int], Any] = _no_progress) -> ViewCounts:
    """Count the views of `language` in one file (plain, gz, bz2, xz, zst; a path or fsspec URL).

    `name` is what rejections call the file; `progress` is told the bytes read. A broken line or file is a rejection.
    """
    return count_views_files([path], [name], language, progress)


def count_views_files(
    paths: Sequence[str], names: Sequence[str], language: str, progress: Callable[[int], Any] = _no_progress
) -> ViewCounts:
    """Count several files into one table: the same as merging their counts, in less memory and time."""
    scanner = _Scanner(language)
    for path, name in zip(paths, names, strict=True):
        scanner.add_file(path, name, progress)
    return scanner.finish()


def merge_views(parts: Iterable[ViewCounts]) -> ViewCounts:
    """Return the sums of `parts`, which are taken one after the other: give an iterator to hold one at a time."""
    table = TitleTable()
    tally = dict.fromkeys(TALLY, 0)
    rejections: list[Rejection] = []
    for part in parts:
        table.add_many(*title_buffers(part.titles), part.views.to_numpy())
        for key in TALLY:
            tally[key] += part.tally[key]
        rejections += part.rejections
    titles, views = table.to_arrow()
    return ViewCounts(titles=titles, views=views, tally=tally, rejections=rejections)
