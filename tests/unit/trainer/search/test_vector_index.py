"""One interface over both kinds: the same rows, and an index of another model is refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.small_index import make_index
from tests.support.small_model import write_small_model
from trainer.search.config import BuildIndexConfig
from trainer.search.index_files import build_index
from trainer.search.vector_index import open_index
from trainer.use.load import load


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("vectors")
    (found / "texts.txt").write_text("".join(f"a picture of {number} cats\n" for number in range(30)))
    make_index(found, texts=str(found / "texts.txt"))
    return found


def test_both_kinds_tell_the_same_rows(root: Path) -> None:
    pytest.importorskip("usearch", reason="pip install 'webimagetext[search]'")
    features = str(root / "index_features")
    build_index(BuildIndexConfig(features=features, output=str(root / "near"), kind="approximate", threads=1))
    queries = np.random.default_rng(0).standard_normal((4, 16))
    exact = open_index(str(root / "index")).search(queries, 3)
    near = open_index(str(root / "near")).search(queries, 3)
    for ours, theirs in zip(exact, near, strict=True):  # scores are summed in another order
        assert [one._replace(score=round(one.score, 12)) for one in ours] == [
            one._replace(score=round(one.score, 12)) for one in theirs
        ]
    assert {len(found) for found in exact} == {3}
    assert exact[0][0].caption == f"a picture of {int(exact[0][0].id) - 1} cats"


def test_an_index_of_another_model_is_refused(root: Path) -> None:
    index = open_index(str(root / "index"))
    index.check_model(load(root / "model", device="cpu").model.fingerprint)
    other = load(write_small_model(root, "other", seed=1), device="cpu").model.fingerprint
    with pytest.raises(ValueError, match="is of features of another model"):
        index.check_model(other)
