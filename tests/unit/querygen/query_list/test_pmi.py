"""PMI: the order is that of the exact ratio."""

import math
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.query_list.pmi import pmi, rank_bigrams
from schemas.query import BIGRAM_COUNTS

COUNTS = st.integers(1, 10**9)


def table(rows: list[tuple[str, int, int, int]]) -> pa.Table:
    columns = [
        [row[0] for row in rows],
        [row[0].title() for row in rows],
        *([row[k] for row in rows] for k in (1, 2, 3)),
    ]
    return pa.table(columns, schema=BIGRAM_COUNTS)


def test_pmi_is_the_formula() -> None:
    assert pmi(8, 10, 20, 1000) == pytest.approx(math.log2(8 * 1000 / 200))


def test_ties_by_count_then_text() -> None:
    rows = [("a b", 2, 10, 10), ("b a", 2, 10, 10), ("c a", 4, 20, 10), ("d a", 50, 100, 10)]
    found, _ = rank_bigrams(table(rows), 10**20, 2)
    assert found["text"].to_pylist() == ["d a", "c a", "a b", "b a"]


def test_minimum_count() -> None:
    rows = [("a b", 5, 10, 10), ("b a", 4, 10, 10)]
    found, dropped = rank_bigrams(table(rows), 10**20, 5)
    assert found["text"].to_pylist() == ["a b"]
    assert dropped == {"below_min_bigram_count": 1, "too_many_stop_words": 0, "pmi_not_positive": 0}


@pytest.mark.parametrize(("share", "kept"), [(1.0, ["of the", "the dog", "red dog"]), (0.5, ["the dog", "red dog"]),
                                             (0.4, ["red dog"]), (0.0, ["red dog"])])  # fmt: skip
def test_stop_words(share: float, kept: list[str]) -> None:
    rows = [("of the", 9, 10, 10), ("the dog", 8, 10, 10), ("red dog", 7, 10, 10)]
    found, dropped = rank_bigrams(table(rows), 10**20, 1, {"of", "the"}, share)
    assert found["text"].to_pylist() == kept
    assert dropped["too_many_stop_words"] == 3 - len(kept)


def test_words_that_stand_together_by_chance_are_out() -> None:
    rows = [("a b", 3, 10, 20), ("b a", 2, 10, 20), ("a a", 1, 10, 20)]
    assert rank_bigrams(table(rows), 100, 1)[0]["text"].to_pylist() == ["a b"]


def test_order_is_exact_where_floats_are_equal() -> None:
    big = 3 * 10**17
    rows = [("a b", 10**9, big, big - 1), ("b a", 10**9, big, big - 2)]
    assert math.log2(10**9 / (big * (big - 1))) == math.log2(10**9 / (big * (big - 2)))
    assert rank_bigrams(table(rows), 10**40, 1)[0]["text"].to_pylist() == ["b a", "a b"]


@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS), max_size=20))
def test_order_is_by_ratio(counts: list[tuple[int, int, int]]) -> None:
    rows = [(f"w{i} v", *row) for i, row in enumerate(counts)]
    found = rank_bigrams(table(rows), 10**20, 1)[0].to_pylist()
    ratios = [Fraction(row["count"], row["first_count"] * row["second_count"]) for row in found]
    assert ratios == sorted(ratios, reverse=True)
    assert len(found) == len(rows)
