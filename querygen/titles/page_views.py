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

from querygen.titles.quoted_title import quoted_end, unquote
from querygen.titles.title_table import BATCH_ROWS, TitleTable, add, add_batch, capped_sum, title_buffers
from querygen.titles.view_title import MAX_TITLE_BYTES, REFUSED, SURE, canonical_title, slow_title, title_classes
from schemas.arrow_types import values_of
from schemas.kernels.compiled import kernel, spliced
from schemas.packed import BROKEN_DATA, FileTruncated, decompress
from schemas.rejection import MAX_VALUE_BYTES, Rejection

MAX_LINE_BYTES = 64 * 1024
MAX_REJECTIONS = 100_000
"""Malformed lines stored per file; all are counted."""

TALLY = ("files", "bytes", "lines", "views", "lines_malformed", "lines_no_title", "views_no_title")
"""Bytes are of unpacked text, lines and views those of the language; no_title: the text can be no page's title."""

_LINES, _VIEWS, _REFUSED_LINES, _REFUSED_VIEWS = range(4)
_LEAST_LINE_BYTES = len("a b 0 0 ")
_SPACE, _QUOTE = 32, 34
_MAX_COUNT_DIGITS = 15
_MAX_NUMBER_DIGITS = 18


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


@spliced
def _is_space(byte):
    return byte == _SPACE or 9 <= byte <= 13


@spliced
def _number_end(data, begin, end, most):
    """Return the end of 1 to `most` digits from `begin`, -1 where there are others."""
    i = begin
    while i < end and 48 <= data[i] <= 57:
        i += 1
    return i if 0 < i - begin <= most else -1


@kernel
def _word_end(data, begin, end):
    i = begin
    while i < end and not _is_space(data[i]):
        i += 1
    return i


@kernel
def _parse_hourly(data, title_end, end):
    """Return the place of the views behind a title, -1 when the line is not of the hourly form."""
    begin = title_end + 1
    after = _number_end(data, begin, end, _MAX_COUNT_DIGITS)
    if after < 0 or after >= end or data[after] != _SPACE:
        return -1
    return begin if _number_end(data, after + 1, end, _MAX_NUMBER_DIGITS) == end else -1


@kernel
def _parse_complete(data, title_end, end):
    """Return the place of the views behind a title, -1 when the line is not of the daily and monthly form."""
    begin = title_end + 1
    after = _word_end(data, begin, end)
    if (
        after == begin
        or _number_end(data, begin, after, _MAX_NUMBER_DIGITS) == after
        or (
            after - begin == 4
            and data[begin] == 110
            and data[begin + 1] == 117
            and data[begin + 2] == 108
            and data[begin + 3] == 108
        )
    ):  # a page id, null, or nothing between two spaces
        if after >= end or data[after] != _SPACE:
            return -1
        begin = after + 1
        after = _word_end(data, begin, end)
    if after == begin or after >= end or data[after] != _SPACE:
        return -1
    for i in range(begin, after):  # desktop, mobile-web, mobile-app, or what may come
        if not (97 <= data[i] <= 122 or (data[i] == 45 and i > begin)):
            return -1
    begin = after + 1
    after = _number_end(data, begin, end, _MAX_COUNT_DIGITS)
    if after < 0 or after + 1 >= end or data[after] != _SPACE:
        return -1
    for i in range(after + 1, end):  # letters (also those up to 31) and their counts, days parted by commas
        byte = data[i]
        if not (48 <= byte <= 57 or 65 <= byte <= 95 or 97 <= byte <= 122 or byte == 44):
            return -1
    return begin


@kernel
def _line_kind(data, begin, end, prefixes, bounds):
    """Return (number of the prefix that the line begins with or -1, where its title begins)."""
    for kind in range(len(bounds) - 1):
        size = bounds[kind + 1] - bounds[kind]
        if begin + size <= end:
            equal = True
            for k in range(size):
                if data[begin + k] != prefixes[bounds[kind] + k]:
                    equal = False
                    break
            if equal:
                return kind, begin + size
    return -1, begin


@kernel
def _lacks_space(data, begin, end):
    blank = True
    for i in range(begin, end):
        if data[i] == _SPACE:
            return False
        blank = blank and _is_space(data[i])
    return not blank


@kernel
def _scan(data, ends, prefixes, bounds, classes, stage, table, slow, sums, bad):
    """Sum the lines that end at `ends`, write the numbers of malformed ones to `bad`, return how many they are.

    Titles wait in `stage` (bytes, offsets, views) and go to `table` by the batch; its last part is room for a title.
    """
    text, offsets, counts, plain = stage
    waiting = 0
    offsets[0] = 0
    num_bad = 0
    begin = 0
    for line in range(len(ends)):
        end = ends[line]
        following = end + 1
        kind, title = _line_kind(data, begin, end, prefixes, bounds)
        if end - begin > MAX_LINE_BYTES:
            bad[num_bad] = line
            num_bad += 1
        elif kind < 0:
            if _lacks_space(data, begin, end):
                bad[num_bad] = line
                num_bad += 1
        else:
            while end > title and _is_space(data[end - 1]):
                end -= 1
            quoted = title < end and data[title] == _QUOTE
            title_end = quoted_end(data, title, end) if quoted else -1
            quoted = title_end >= 0
            if not quoted:
                title_end = _word_end(data, title, end)
            place = -1
            if title_end < end and data[title_end] == _SPACE:  # a title of nothing is no title
                if kind == len(bounds) - 2:  # the last prefix is that of the daily and monthly files
                    place = _parse_complete(data, title_end, end)
                else:
                    place = _parse_hourly(data, title_end, end)
            if place < 0:
                bad[num_bad] = line
                num_bad += 1
            else:
                count = np.int64(0)
                while data[place] != _SPACE:
                    count = count * 10 + np.int64(data[place]) - 48
                    place += 1
                sums[_LINES] += 1
                sums[_VIEWS] = capped_sum(sums[_VIEWS], count)
                if quoted:
                    plain_size = unquote(data, title, title_end, plain)
                    verdict, size = canonical_title(plain, 0, plain_size, classes, text, offsets[waiting])
                else:
                    verdict, size = canonical_title(data, title, title_end, classes, text, offsets[waiting])
                if verdict == SURE:
                    offsets[waiting + 1] = offsets[waiting] + size
                    counts[waiting] = count
                    waiting += 1
                    if waiting == BATCH_ROWS:
                        add_batch(text, offsets, counts, 0, waiting, table)
                        waiting = 0
                elif verdict == REFUSED:
                    sums[_REFUSED_LINES] += 1
                    sums[_REFUSED_VIEWS] = capped_sum(sums[_REFUSED_VIEWS], count)
                elif quoted:
                    add(plain, 0, plain_size, count, slow)
                else:
                    add(data, title, title_end, count, slow)
        begin = following
    add_batch(text, offsets, counts, 0, waiting, table)
    return num_bad


class _Scanner:
    """Sums the views of one language over many files."""

    def __init__(self, language: str) -> None:
        code = language.encode()
        prefixes = [code + suffix for suffix in (b" ", b".m ", b".zero ", b".wikipedia ")]
        self._prefixes = np.frombuffer(b"".join(prefixes), dtype=np.uint8)
        self._bounds = np.cumsum([0, *map(len, prefixes)])
        self._table = TitleTable()
        self._slow = TitleTable()
        self._stage = (
            np.empty(BATCH_ROWS * MAX_TITLE_BYTES + MAX_LINE_BYTES + 1, dtype=np.uint8),
            np.zeros(BATCH_ROWS + 1, dtype=np.int64),
            np.zeros(BATCH_ROWS, dtype=np.int64),
            np.empty(MAX_LINE_BYTES, dtype=np.uint8),
        )
        self._sums = np.zeros(4, dtype=np.int64)
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
                    ends = np.flatnonzero(data == 10)
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
        most = min(len(ends), len(data) // _LEAST_LINE_BYTES + 1)
        self._table.reserve(most, len(data))
        self._slow.reserve(most, len(data))
        num_bad = _scan(
            data, ends, self._prefixes, self._bounds, title_classes(), self._stage,
            self._table.arrays, self._slow.arrays, self._sums, bad,
        )  # fmt: skip
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
        lines, views, refused_lines, refused_views = map(int, self._sums)
        for raw, count in zip(*(column.to_pylist() for column in self._slow.to_arrow()), strict=True):
            title = slow_title(raw)
            if title is None:
                refused_views += count
            else:
                self._table.add_one(title, count)
        titles, sums = self._table.to_arrow()
        tally.update(
            files=self._num_files, bytes=self._num_bytes, lines=lines, views=views,
            lines_malformed=self._num_malformed, lines_no_title=refused_lines, views_no_title=refused_views,
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
