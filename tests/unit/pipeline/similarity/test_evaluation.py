"""The most similar image of evaluations: that of all pairs, in tiles of any size, the lower of equal ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.similarity import evaluation
from pipeline.similarity.cosine import cosines, features
from pipeline.similarity.evaluation import NO_IMAGE, most_similar
from tests.support.feature_folders import unit_rows


@given(seed=st.integers(0, 500), tile=st.integers(1, 12), threshold=st.sampled_from([-1.0, 0.0, 0.9, 1.0]))
def test_the_most_similar_of_all(seed: int, tile: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    rows, images = (features(unit_rows(rng.integers(-2, 3, (n, 3)) + np.array([0.5, 0, 0]))) for n in (15, 11))
    exact = cosines(rows, np.repeat(np.arange(15), 11), images, np.tile(np.arange(11), 15)).reshape(15, 11)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "TILE_ROWS", tile)
        best, value = most_similar(rows, images, threshold)
    for row in range(15):
        expected = int(exact[row].argmax())
        if exact[row, expected] >= threshold:
            assert (best[row], value[row]) == (expected, exact[row, expected])
        else:
            assert (best[row], value[row]) == (NO_IMAGE, 0)
