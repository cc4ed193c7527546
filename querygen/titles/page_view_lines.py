"""Lines of page views, compiled: the bytes of a file and the ends of its lines in, views summed by title out.

The two kinds of line are those of `querygen.titles.page_views`. One pass checks a line, undoes the encoding of its
title and sums; titles wait in a `Stage` so that a batch of them is looked up at once.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from querygen.titles.quoted_title import quoted_end, unquote
from querygen.titles.title_table import BATCH_ROWS, SumArrays, add, add_batch, capped_sum
from querygen.titles.view_title import MAX_TITLE_BYTES, REFUSED, SURE, canonical_title
from schemas.kernels.ascii import (
    CAPITAL_A,
    COMMA,
    DASH,
    DOUBLE_QUOTE,
    SPACE,
    UNDERSCORE,
    ZERO,
    is_digit,
    is_small_letter,
    is_space,
)
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import inlined, leaf

MAX_LINE_BYTES = 64 * 1024
LEAST_LINE_BYTES = len("a b 0 0 ")

LINES, VIEWS, REFUSED_LINES, REFUSED_VIEWS = range(4)
"""Places in `ViewSums.totals`."""

_MAX_COUNT_DIGITS = 15
_MAX_NUMBER_DIGITS = 18


class Prefixes(NamedTuple):
    """What lines of the language begin with; the last prefix is that of the daily and monthly files."""

    data: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int64]


class Stage(NamedTuple):
    """Titles that wait for their batch."""

    text: npt.NDArray[np.uint8]
    """Its last part is room for one more title as it stands in a line."""
    offsets: npt.NDArray[np.int64]
    views: npt.NDArray[np.int64]
    plain: npt.NDArray[np.uint8]
    """Room for a title whose quotes are undone."""


class ViewSums(NamedTuple):
    """What lines are summed into."""

    titles: SumArrays
    slow: SumArrays
    """Raw titles that only `querygen.titles.view_title.slow_title` can tell."""
    totals: npt.NDArray[np.int64]


def new_stage() -> Stage:
    """Return room for a batch."""
    return Stage(
        text=np.empty(BATCH_ROWS * MAX_TITLE_BYTES + MAX_LINE_BYTES + 1, dtype=np.uint8),
        offsets=np.zeros(BATCH_ROWS + 1, dtype=np.int64),
        views=np.zeros(BATCH_ROWS, dtype=np.int64),
        plain=np.empty(MAX_LINE_BYTES, dtype=np.uint8),
    )


@inlined
def _number_end(data, begin, end, most):
    """Return the end of 1 to `most` digits from `begin`, -1 where there are others."""
    i = begin
    while i < end and is_digit(data[i]):
        i += 1
    return i if 0 < i - begin <= most else -1


@inlined
def _word_end(data, begin, end):
    i = begin
    while i < end and not is_space(data[i]):
        i += 1
    return i


@inlined
def _is_blank_at(data, i, end):
    return i < end and data[i] == SPACE


@leaf
def _hourly_views(data, title_end, end):
    """Return the place of the views behind a title, -1 when the line is not of the hourly form."""
    begin = title_end + 1
    after = _number_end(data, begin, end, _MAX_COUNT_DIGITS)
    if after < 0 or not _is_blank_at(data, after, end):
        return -1
    return begin if _number_end(data, after + 1, end, _MAX_NUMBER_DIGITS) == end else -1


@leaf
def _behind_page_id(data, begin, end):
    """Return where the way of access begins: behind a page id, ``null``, or nothing between two spaces; -1: nowhere."""
    after = _word_end(data, begin, end)
    if not (
        after == begin
        or _number_end(data, begin, after, _MAX_NUMBER_DIGITS) == after
        or (after - begin == len("null") and is_at(data, begin, after, b"null"))
    ):
        return begin
    return after + 1 if _is_blank_at(data, after, end) else -1


@leaf
def _are_hours(data, begin, end):
    """Tell whether there are only letters (also those up to 31) and their counts, days parted by commas."""
    for i in range(begin, end):
        byte = data[i]
        if not (is_digit(byte) or CAPITAL_A <= byte <= UNDERSCORE or is_small_letter(byte) or byte == COMMA):
            return False
    return True


@leaf
def _complete_views(data, title_end, end):
    """Return the place of the views behind a title, -1 when the line is not of the daily and monthly form."""
    begin = _behind_page_id(data, title_end + 1, end)
    if begin < 0:
        return -1
    after = _word_end(data, begin, end)
    if after == begin or not _is_blank_at(data, after, end):
        return -1
    for i in range(begin, after):  # desktop, mobile-web, mobile-app, or what may come
        if not (is_small_letter(data[i]) or (data[i] == DASH and i > begin)):
            return -1
    begin = after + 1
    after = _number_end(data, begin, end, _MAX_COUNT_DIGITS)
    if after < 0 or after + 1 >= end or data[after] != SPACE:
        return -1
    return begin if _are_hours(data, after + 1, end) else -1


@leaf
def _line_kind(data, begin, end, prefixes):
    """Return (number of the prefix that the line begins with or -1, where its title begins)."""
    bounds = prefixes.bounds
    for kind in range(len(bounds) - 1):
        size = bounds[kind + 1] - bounds[kind]
        if begin + size <= end:
            k = 0
            while k < size and data[begin + k] == prefixes.data[bounds[kind] + k]:
                k += 1
            if k == size:
                return kind, begin + size
    return -1, begin


@leaf
def _lacks_space(data, begin, end):
    blank = True
    for i in range(begin, end):
        if data[i] == SPACE:
            return False
        blank = blank and is_space(data[i])
    return not blank


@inlined
def _title_end(data, title, end):
    """Return (end of the title, whether it is a quoted one)."""
    if title < end and data[title] == DOUBLE_QUOTE:
        title_end = quoted_end(data, title, end)
        if title_end >= 0:
            return title_end, True
    return _word_end(data, title, end), False


@inlined
def _number_at(data, place):
    """Return the number of the digits from `place` to the next space."""
    number = np.int64(0)
    while data[place] != SPACE:
        number = number * 10 + np.int64(data[place]) - ZERO
        place += 1
    return number


@inlined
def _add_title(data, begin, end, count, classes, stage, waiting, sums):
    """Sum the views of the raw title ``data[begin:end]``; return how many titles wait."""
    verdict, size = canonical_title(data, begin, end, classes, stage.text, stage.offsets[waiting])
    if verdict == SURE:
        stage.offsets[waiting + 1] = stage.offsets[waiting] + size
        stage.views[waiting] = count
        waiting += 1
        if waiting == BATCH_ROWS:
            add_batch(stage.text, stage.offsets, stage.views, 0, waiting, sums.titles)
            waiting = 0
    elif verdict == REFUSED:
        sums.totals[REFUSED_LINES] += 1
        sums.totals[REFUSED_VIEWS] = capped_sum(sums.totals[REFUSED_VIEWS], count)
    else:
        add(data, begin, end, count, sums.slow)
    return waiting


@inlined
def _add_line(data, begin, end, prefixes, classes, stage, waiting, sums):
    """Sum one line; return (how many titles wait, whether it is malformed)."""
    kind, title = _line_kind(data, begin, end, prefixes)
    if end - begin > MAX_LINE_BYTES:
        return waiting, True
    if kind < 0:
        return waiting, _lacks_space(data, begin, end)
    while end > title and is_space(data[end - 1]):
        end -= 1
    title_end, is_quoted = _title_end(data, title, end)
    if not _is_blank_at(data, title_end, end):  # a title of nothing is no title
        return waiting, True
    if kind == len(prefixes.bounds) - 2:
        place = _complete_views(data, title_end, end)
    else:
        place = _hourly_views(data, title_end, end)
    if place < 0:
        return waiting, True
    count = _number_at(data, place)
    sums.totals[LINES] += 1
    sums.totals[VIEWS] = capped_sum(sums.totals[VIEWS], count)
    if is_quoted:
        size = unquote(data, title, title_end, stage.plain)
        return _add_title(stage.plain, 0, size, count, classes, stage, waiting, sums), False
    return _add_title(data, title, title_end, count, classes, stage, waiting, sums), False


@leaf
def add_lines(data, ends, prefixes, classes, stage, sums, bad):
    """Sum the lines that end at `ends`, write the numbers of malformed ones to `bad`, return how many they are.

    ``sums.titles`` and ``sums.slow`` must have room for all of them.
    """
    waiting = 0
    stage.offsets[0] = 0
    num_bad = 0
    begin = 0
    for line in range(len(ends)):
        waiting, is_bad = _add_line(data, begin, ends[line], prefixes, classes, stage, waiting, sums)
        if is_bad:
            bad[num_bad] = line
            num_bad += 1
        begin = ends[line] + 1
    add_batch(stage.text, stage.offsets, stage.views, 0, waiting, sums.titles)
    return num_bad
