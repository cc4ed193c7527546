"""Near-duplicates of a cluster against all pairs, in tiles of any size; copies cost a look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.similarity import near
from pipeline.similarity.cosine import cosines, features
from pipeline.similarity.near import near_duplicates
from tests.support.feature_folders import unit_rows


def by_all_pairs(half: np.ndarray, order: np.ndarray, threshold: float) -> dict[int, int]:
    rows, found = features(half), {}
    for place in range(1, len(order)):
        exact = cosines(rows, np.full(place, order[place]), rows, order[:place])
        if (exact >= threshold).any():
            found[place] = int((exact >= threshold).argmax())
    return found


@given(seed=st.integers(0, 500), tile=st.integers(1, 40), threshold=st.sampled_from([-1.0, 0.5, 0.8, 0.99, 1.0]))
def test_the_first_one_that_is_like_each(seed: int, tile: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    half = unit_rows(rng.integers(-2, 3, size=(30, 4)) + np.array([0.5, 0, 0, 0]))
    order = rng.permutation(30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "TILE_ROWS", tile)
        found = near_duplicates(half, order, threshold)
    assert dict(zip(found.removed.tolist(), found.kept.tolist(), strict=True)) == by_all_pairs(half, order, threshold)
    exact = cosines(features(half), order[found.removed], features(half), order[found.kept])
    np.testing.assert_array_equal(found.cosines, exact)


def test_copies_are_compared_with_the_first_tile_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    half = unit_rows(np.ones((500, 4)) + 0.001 * np.random.default_rng(0).standard_normal((500, 4)))
    monkeypatch.setattr(near, "TILE_ROWS", 50)
    looks = []
    look = near._look
    monkeypatch.setattr(near, "_look", lambda *arguments: (looks.append(arguments[3]), look(*arguments))[1])
    assert len(near_duplicates(half, np.arange(500), 0.99).removed) == 499
    assert looks == [0] * 10


def test_an_empty_cluster_has_none() -> None:
    assert not len(near_duplicates(np.zeros((0, 4), np.float16), np.zeros(0, np.int64), 0.9).removed)
