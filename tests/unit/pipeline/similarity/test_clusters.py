"""Clusters: the nearest by exact cosines, made of a sample, the same by any kernel; so many that the cost stays low."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.similarity import clusters
from pipeline.similarity.clusters import centroids, nearest, num_clusters, sample_rows
from pipeline.similarity.cosine import cosines, features
from tests.support.feature_folders import unit_rows


@given(seed=st.integers(0, 1_000), count=st.integers(1, 4), ties=st.booleans())
def test_the_nearest_are_those_of_the_highest_cosine(seed: int, count: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    draw = (lambda shape: rng.integers(-1, 2, shape) + np.array([0.0, 0.0, 0.5])) if ties else rng.standard_normal
    rows, centres = features(unit_rows(draw((20, 3)))), features(unit_rows(draw((7, 3))))
    exact = cosines(rows, np.repeat(np.arange(20), 7), centres, np.tile(np.arange(7), 20)).reshape(20, 7)
    for row, found in enumerate(nearest(rows, centres, count)):
        assert found.tolist() == sorted(sorted(range(7), key=lambda c: (-exact[row, c], c))[:count])


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows, centres = features(unit_rows(rng.standard_normal((100, 8)))), features(unit_rows(rng.standard_normal((9, 8))))
    whole = nearest(rows, centres, 2)
    monkeypatch.setattr(clusters, "TILE_BYTES", 1)
    np.testing.assert_array_equal(nearest(rows, centres, 2), whole)


def test_groups_apart_are_found() -> None:
    rng = np.random.default_rng(1)
    middles = unit_rows(rng.standard_normal((4, 32)))
    sample = unit_rows(middles[np.arange(200) // 50].astype(np.float64) + 0.02 * rng.standard_normal((200, 32)))
    found = centroids(sample, 4)
    assert np.sort((features(found).unit_NE @ features(middles).unit_NE.T).max(axis=1))[0] > 0.99


def test_more_clusters_than_rows_or_rows_that_are_all_the_same() -> None:
    same = unit_rows(np.ones((5, 3)))
    np.testing.assert_array_equal(centroids(same, 3), same[:3])
    assert len(centroids(same, 9)) == 5
    assert nearest(features(same), features(centroids(same, 3)), 2).tolist() == [[0, 1]] * 5


def test_the_cost_grows_as_rows_to_the_power_of_one_and_a_half() -> None:
    cost = {}
    for rows in (10**6, 10**8):
        found = num_clusters(rows)
        cost[rows] = rows * found + (clusters.CLUSTERS_A_ROW * rows) ** 2 // (2 * found)
        assert len(sample_rows(rows, found)) >= clusters.LEAST_PER_CLUSTER * found
    assert cost[10**8] / cost[10**6] == pytest.approx(100**1.5, rel=0.01)
    assert (num_clusters(0), num_clusters(1), num_clusters(1_100)) == (1, 1, 2)


@given(rows=st.integers(0, 10**9), count=st.integers(1, 50_000))
def test_a_sample_is_spread_over_all_rows(rows: int, count: int) -> None:
    found = sample_rows(rows, count)
    assert len(found) <= rows
    assert (np.diff(found) > 0).all()
    if len(found):
        assert (found[0], found[-1]) == (0, (len(found) - 1) * rows // len(found))
