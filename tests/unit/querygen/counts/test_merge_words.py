"""Summed words: the table by a floor, and the normal form of spellings. Whole merges: test_merge_runs."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.counts.merge_words import Words, normal_words
from schemas.query import WORD_COUNTS
from schemas.text import words


@given(
    st.lists(st.text("aB\u00c9\ufb01\u00df\u0130'", min_size=1, max_size=6).filter(lambda text: len(words(text)) == 1))
)
def test_the_normal_form_of_a_spelling_is_its_word(surfaces: list[str]) -> None:
    found = normal_words(pa.array(["x", *surfaces], pa.large_string()).slice(1)).to_pylist()
    # a possessive is no spelling of a word: the counters cut it off before
    plain = [(text, normal) for text, normal in zip(surfaces, found, strict=True) if "'" not in text]
    assert [normal for _, normal in plain] == [words(text)[0] for text, _ in plain]


@pytest.mark.parametrize("floor", [1, 3, 4, 9])
def test_the_table_has_the_words_that_reach_the_floor_the_most_frequent_first(floor: int) -> None:
    made = Words(
        text=pa.array(["dog", "caf\u00e9", "cat", "ant"], pa.large_string()),
        count=np.array([3, 8, 3, 1], np.int64),
        best=np.array([1, 2, 4, 5], np.int64),
        word=np.array([0, 0, 1, 1, 2, 3], np.int32),
        word_hash=np.arange(6, dtype=np.uint64),
        surface_hash=np.arange(6, dtype=np.uint64),
        surface=pa.array(["DOG", "Dog", "Caf\u00e9", "CAF\u00c9", "cat", "Ant"], pa.large_string()),
    )
    table = made.table(floor)
    assert table.schema.equals(WORD_COUNTS)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    wanted = [("caf\u00e9", "Caf\u00e9", 8), ("cat", "cat", 3), ("dog", "Dog", 3), ("ant", "Ant", 1)]
    assert rows == [row for row in wanted if row[2] >= floor]
