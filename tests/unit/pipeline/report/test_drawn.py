"""What is drawn by hash does not depend on the order of the rows, nor on how they are cut."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.report.drawn import PER_QUERY, DrawnPerQuery, DrawnRows

KEYS = [f"{number:032x}" for number in range(40)]


def table(keys: list[str]) -> pa.Table:
    return pa.table({"key": keys})


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_the_same_rows_are_drawn_of_any_order(cut: int) -> None:
    whole, parts = DrawnRows(5, seed=3), DrawnRows(5, seed=3)
    whole.add(table(KEYS))
    for first in range(0, len(KEYS), cut):
        parts.add(table(KEYS[::-1][first : first + cut]))
    assert parts.rows == whole.rows
    assert len(whole.rows) == 5
    other = DrawnRows(5, seed=4)
    other.add(table(KEYS))
    assert other.rows != whole.rows


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_of_each_query_its_allowed_rows_are_drawn(cut: int) -> None:
    drawn = DrawnPerQuery(np.array([2, 5]), seed=0)
    for first in range(0, len(KEYS), cut):
        keys = KEYS[first : first + cut]
        numbers = np.arange(first, first + len(keys))
        row = np.repeat(np.arange(len(keys)), 2)
        query = np.stack([numbers % 3, np.where(numbers == 9, 5, 1)], axis=1).ravel()
        drawn.add(table(keys), (row, query), numbers != 2)
    expected = DrawnRows(PER_QUERY, seed=0)
    expected.add(table([key for number, key in enumerate(KEYS) if number % 3 == 2 and number != 2]))
    assert drawn.rows(2) == expected.rows
    assert [found["key"] for found in drawn.rows(5)] == [KEYS[9]]
    assert drawn.rows(1) == []
