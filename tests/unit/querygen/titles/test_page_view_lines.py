"""Lines of page views: made of parts of which each is right or wrong, and titles over several batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.titles.page_view_lines import (
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
from querygen.titles.title_table import BATCH_ROWS, TitleTable
from querygen.titles.view_title import title_classes

PREFIXES = Prefixes(np.frombuffer(b"en en.m en.wikipedia ", np.uint8), np.array([0, 3, 8, 21], np.int64))
STAGE = new_stage()


def add(lines: list[bytes]) -> tuple[list[int], dict[bytes, int], dict[bytes, int], list[int]]:
    """Return (numbers of malformed lines, views by title, views of titles for Python, totals)."""
    data = np.frombuffer(b"\n".join(lines), np.uint8)
    ends = np.cumsum([len(line) + 1 for line in lines], dtype=np.int64) - 1
    tables = TitleTable(), TitleTable()
    for table in tables:
        table.reserve(len(lines), len(data))
    totals, bad = np.zeros(4, np.int64), np.empty(len(lines), np.int64)
    sums = ViewSums(tables[0].arrays, tables[1].arrays, totals)
    num_bad = add_lines(data, ends, PREFIXES, title_classes(), STAGE, sums, bad)
    titles, slow = (dict(zip(*(column.to_pylist() for column in table.to_arrow()), strict=True)) for table in tables)
    return bad[:num_bad].tolist(), titles, slow, totals.tolist()


def parts(right: list[str], wrong: list[str]) -> st.SearchStrategy[tuple[str, bool]]:
    of_right, of_wrong = (st.sampled_from(some).map(lambda part, is_right=is_right: (part, is_right))
                          for some, is_right in ((right, True), (wrong, False)))  # fmt: skip
    return st.one_of(of_right, of_right, of_right, of_wrong)


VIEWS_PART = parts(["7", "0", "9" * 15], ["", "x", "-1", "1.5", "9" * 16, "7 "])
HOURLY = st.tuples(
    st.sampled_from(["en ", "en.m "]),
    st.just("Dog"),
    VIEWS_PART,
    parts(["0", "123", "9" * 18], ["", "x", "9" * 19, "0 0"]),
)
COMPLETE = st.tuples(
    parts(["1 ", "null ", " ", ""], ["nul ", "nulls ", "x1 ", "9" * 19 + " "]),
    parts(["desktop", "mobile-web", "a-"], ["", "-a", "Desktop", "a1", "a_b"]),
    VIEWS_PART,
    parts(["A1", "A1B2", "Z9,[3", "_1"], ["", "A 1", "A-1", "{1", "A1."]),
)


@settings(max_examples=300)
@given(HOURLY, st.sampled_from(["", " ", "\r", " \t"]))
def test_an_hourly_line_is_right_where_all_its_parts_are(
    found: tuple[str, str, tuple[str, bool], tuple[str, bool]], end: str
) -> None:
    prefix, title, (views, views_right), (size, size_right) = found
    bad, titles, _, totals = add([f"{prefix}{title} {views} {size}{end}".encode()])
    is_right = views_right and size_right
    assert bad == ([] if is_right else [0])
    assert titles == ({b"Dog": int(views)} if is_right else {})
    assert totals[:2] == ([1, int(views)] if is_right else [0, 0])


@settings(max_examples=300)
@given(COMPLETE)
def test_a_line_of_a_daily_file_is_right_where_all_its_parts_are(found: tuple[tuple[str, bool], ...]) -> None:
    (page, _), (access, _), (views, _), (hours, _) = found
    bad, titles, _, totals = add([f"en.wikipedia Dog {page}{access} {views} {hours}".encode()])
    is_right = all(is_right for _, is_right in found)
    assert bad == ([] if is_right else [0])
    assert titles == ({b"Dog": int(views)} if is_right else {})
    assert totals[LINES] == is_right
    assert totals[VIEWS] == (int(views) if is_right else 0)


@pytest.mark.parametrize("num_lines", [1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 3 * BATCH_ROWS])
def test_titles_of_a_last_batch_that_is_not_full_are_summed(num_lines: int) -> None:
    lines = [b"en T%d %d 0" % (number % 200, number) for number in range(num_lines)]
    wanted: dict[bytes, int] = {}
    for number in range(num_lines):
        wanted[b"T%d" % (number % 200)] = wanted.get(b"T%d" % (number % 200), 0) + number
    assert add(lines) == ([], wanted, {}, [num_lines, sum(range(num_lines)), 0, 0])


def test_titles_go_where_they_can_be_told() -> None:
    lines = [b"en Dog 1 0", b"en %FF 2 0", b"en e\xcc\x81t 4 0", rb'en.m "\"Heroes\"" 8 0', b"en  16 0", b"de Dog 32 0"]
    bad, titles, slow, totals = add(lines)
    assert bad == []
    assert titles == {b"Dog": 1, b'"Heroes"': 8}
    assert slow == {b"e\xcc\x81t": 4}  # what combines is for Python
    assert totals == [5, 31, 2, 18]
    assert (totals[REFUSED_LINES], totals[REFUSED_VIEWS]) == (2, 18)


def test_lines_of_other_projects_are_malformed_only_without_a_space_or_too_long() -> None:
    lines = [b"de Dog", b"dedog", b"", b" \t\r", b"x" * MAX_LINE_BYTES + b" ", b"enx", b"en"]
    assert add(lines)[0] == [1, 4, 5, 6]
