"""Exact search beside the definition: all cosines in float64, sorted by score, then row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.search import exact_search
from trainer.search.codes import encode_rows
from trainer.search.exact_search import ExactSearch


def brute_force(rows_NE: np.ndarray, queries_QE: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows, queries = rows_NE.astype(np.float64), queries_QE.astype(np.float64)
    lengths = np.sqrt((rows * rows).sum(axis=1))
    queries = queries / np.sqrt((queries * queries).sum(axis=1, keepdims=True))
    cosines = (queries @ rows.T) / np.where(lengths > 0, lengths, 1)
    order = np.argsort(-cosines.round(12), axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(cosines, order, axis=1)


def made(num: int, width: int, dtype: type, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((num, width)) + rng.standard_normal(width)).astype(dtype)


def searched(rows: np.ndarray) -> ExactSearch:
    return ExactSearch(rows, encode_rows(rows.astype(np.float32), "rows"))


@pytest.mark.parametrize("num_queries", [1, 3, 8, 70])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("width", [2, 37, 512])
def test_finds_what_brute_force_finds(
    num_queries: int, dtype: type, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_search, "MIN_ROWS", 100)
    rows, queries = made(5_000, width, dtype), made(num_queries, width, np.float32, 1)
    found = searched(rows).search(queries, 10, threads=3)
    expected, scores = brute_force(rows, queries, 10)
    np.testing.assert_allclose(found.scores_Qk, scores, atol=1e-12)
    if width > 2:  # on a circle 5,000 cosines are too near one another to be told apart by any sum
        np.testing.assert_array_equal(found.rows_Qk, expected)


@given(
    rows=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=40),
    queries=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any), min_size=1, max_size=10),
    k=st.integers(1, 50),
)
def test_equal_rows_come_in_order_and_zeros_have_cosine_0(
    rows: list[list[int]], queries: list[list[int]], k: int
) -> None:
    stored, asked = np.array(rows, dtype=np.float32), np.array(queries, dtype=np.float32)
    found = searched(stored).search(asked, k, threads=2)
    _, scores = brute_force(stored, asked, k)
    np.testing.assert_allclose(found.scores_Qk, scores, atol=1e-12)
    for own_rows, own_scores in zip(found.rows_Qk, found.scores_Qk, strict=True):
        pairs = list(zip((-own_scores).tolist(), own_rows.tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert len(set(own_rows.tolist())) == min(k, len(rows))


def test_the_same_alone_together_and_for_any_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_search, "MIN_ROWS", 100)
    rows = np.repeat(made(700, 64, np.float16), 4, axis=0)  # four of each: ties everywhere
    queries = made(20, 64, np.float32, 1)
    search = searched(rows)
    together = search.search(queries, 7, threads=1)
    for threads in (2, 5):
        again = search.search(queries, 7, threads=threads)
        np.testing.assert_array_equal(again.rows_Qk, together.rows_Qk)
        np.testing.assert_array_equal(again.scores_Qk, together.scores_Qk)
    for number in range(len(queries)):
        alone = search.search(queries[number : number + 1], 7, threads=2)
        np.testing.assert_array_equal(alone.rows_Qk[0], together.rows_Qk[number])
        np.testing.assert_array_equal(alone.scores_Qk[0], together.scores_Qk[number])


@pytest.mark.parametrize(
    ("queries", "told"),
    [
        (np.ones((1, 5)), "expected queries of 4 numbers"),
        (np.zeros((1, 4)), "query 0"),
        (np.array([[1.0, 0, 0, 0], [np.nan, 0, 0, 0]]), "query 1"),
    ],
    ids=["width", "zeros", "nan"],
)
def test_a_query_that_cannot_be_asked_is_named(queries: np.ndarray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        searched(made(10, 4, np.float32)).search(queries, 3, threads=1)


def test_torch_keeps_its_threads() -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        searched(made(10, 4, np.float32)).search(np.ones((8, 4)), 3, threads=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
