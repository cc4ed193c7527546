"""The order of counted texts against Python's sort of their UTF-8."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from querygen.counts.word_order import best_spellings, order_by_count, string_buffers, string_heads

# Characters whose UTF-16 sorts otherwise, a zero byte as a head's filling has, texts alike for more than eight bytes.
TEXT = st.text("ab\0\u0101\uffff\U0001f600", max_size=12) | st.sampled_from(["a" * 8, "a" * 8 + "\0", "a" * 9, ""])


@given(st.lists(st.tuples(st.integers(1, 3), TEXT), max_size=30, unique=True), st.integers(0, 3))
def test_order_is_by_count_then_text(rows: list[tuple[int, str]], skipped: int) -> None:
    texts = pa.array(["x"] * skipped + [row[1] for row in rows], pa.large_string()).slice(skipped)
    order = order_by_count(np.array([row[0] for row in rows], np.int64), texts)
    assert [rows[i] for i in order] == sorted(rows, key=lambda row: (-row[0], row[1].encode()))


@given(st.lists(TEXT, max_size=10))
def test_heads_order_as_the_first_eight_bytes_do(texts: list[str]) -> None:
    heads = string_heads(*string_buffers(pa.array(texts, pa.large_string()))).tolist()
    assert heads == [int.from_bytes(text.encode()[:8].ljust(8, b"\0"), "big") for text in texts]


@given(st.lists(st.lists(st.tuples(st.integers(1, 3), TEXT), min_size=1, max_size=6, unique_by=lambda row: row[1])))
def test_the_best_spelling_is_the_most_frequent_then_the_first(words: list[list[tuple[int, str]]]) -> None:
    rows = [row for word in words for row in word]
    starts = np.cumsum([0, *map(len, words)])[:-1].astype(np.int64)
    texts = pa.array([text for _, text in rows], pa.large_string())
    best = best_spellings(np.array([count for count, _ in rows], np.int64), starts, *string_buffers(texts))
    assert [rows[row] for row in best] == [min(word, key=lambda row: (-row[0], row[1].encode())) for word in words]
