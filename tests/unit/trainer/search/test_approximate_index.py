"""usearch's graph: scores are exact cosines in order, nearly all of the nearest are found."""

from pathlib import Path

import numpy as np
import pytest

from schemas.storage import Folder
from trainer.search.approximate_index import GRAPH, ApproximateSearch, write_graph
from trainer.search.codes import encode_rows
from trainer.search.exact_search import ExactSearch

pytest.importorskip("usearch", reason="pip install 'webimagetext[search]'")


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((600, 24)).astype(np.float16)


def test_finds_nearly_all_and_scores_them_exactly(tmp_path: Path, features: np.ndarray) -> None:
    record = write_graph(Folder(str(tmp_path)), features, threads=1)
    assert (record.name, record.bytes) == (GRAPH, (tmp_path / GRAPH).stat().st_size)
    assert [path.name for path in tmp_path.iterdir()] == [GRAPH]
    queries = np.random.default_rng(1).standard_normal((20, 24))
    near = ApproximateSearch(features, str(tmp_path / GRAPH)).search(queries, 5, threads=1)
    exact = ExactSearch(features, encode_rows(features.astype(np.float32), "rows")).search(queries, 5, threads=1)
    same = near.rows_Qk == exact.rows_Qk
    assert same.mean() > 0.9
    np.testing.assert_allclose(near.scores_Qk[same], exact.scores_Qk[same], atol=1e-12)
    assert (np.diff(near.scores_Qk, axis=1) <= 0).all()


def test_more_than_there_are_is_all(tmp_path: Path, features: np.ndarray) -> None:
    write_graph(Folder(str(tmp_path)), features[:3], threads=1)
    found = ApproximateSearch(features[:3], str(tmp_path / GRAPH)).search(np.ones((1, 24)), 10, threads=1)
    assert sorted(found.rows_Qk[0].tolist()) == [0, 1, 2]


def test_a_graph_of_other_features_is_refused(tmp_path: Path, features: np.ndarray) -> None:
    write_graph(Folder(str(tmp_path)), features[:3], threads=1)
    with pytest.raises(ValueError, match="expected 600 vectors, found 3"):
        ApproximateSearch(features, str(tmp_path / GRAPH))
