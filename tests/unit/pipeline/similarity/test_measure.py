"""What is measured of a row: against plain cosines; of rows without a text none; the histogram's bins."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.similarity.cosine import features
from pipeline.similarity.inputs import files_of, open_features
from pipeline.similarity.measure import BIN, NUM_BINS, histogram, measured
from tests.support.feature_folders import unit_rows, write_features


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_similarities_and_matches(tmp_path: Path, dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(0)
    images, texts = unit_rows(rng.standard_normal((6, 8))), unit_rows(rng.standard_normal((6, 8)))
    texts[2] = 0
    path = write_features(tmp_path / "f", images.astype(dtype), texts.astype(dtype))
    source, _ = open_features(path, (), True)
    (file,) = files_of(source)
    (table,) = file.tables()
    found = measured(table, file, features(images[[4, 1]]), 0.999)
    wide = [rows.astype(np.float64) for rows in (images, texts)]
    plain = [float(a @ b / np.sqrt((a @ a) * (b @ b))) if b.any() else None for a, b in zip(*wide, strict=True)]
    assert found["similarity"].null_count == 1
    for value, expected in zip(found["similarity"].to_pylist(), plain, strict=True):
        assert value == (None if expected is None else pytest.approx(expected, abs=1e-12))
    assert found["evaluation_row"].to_pylist() == [None, 1, None, None, 0, None]
    assert found["id"].to_pylist() == [f"{row:08d}" for row in range(6)]


def test_bins_from_minus_one_to_one() -> None:
    counts = histogram(np.array([-1.0, -1.0 + BIN / 2, 0.005, 1.0, 1.0000001]))
    assert {place: int(counts[place]) for place in np.flatnonzero(counts)} == {0: 2, NUM_BINS // 2: 1, NUM_BINS - 1: 2}
