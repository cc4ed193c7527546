"""Files of an index: what was embedded comes back; damage and another shape are told."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from schemas.feature_files import IMAGE
from tests.support.small_index import make_index
from tests.support.small_shards import picture
from trainer.search import index_files
from trainer.search.config import BuildIndexConfig
from trainer.search.index_files import FEATURES, IndexFiles, build_index
from trainer.search.vector_index import open_index


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("index")
    (found / "images").mkdir()
    for number in range(20):
        (found / "images" / f"{number:02d}.png").write_bytes(picture(number))
    make_index(found, images=str(found / "images"))
    return found


def test_features_and_rows_come_back_in_order(root: Path) -> None:
    files = IndexFiles(str(root / "index"))
    parts = sorted((root / "index_features" / "features").glob("*.parquet"))
    embedded = [row for part in parts for row in pq.read_table(part).to_pylist()]
    assert [one["id"] for one in files.told(list(range(20)))] == [row["id"] for row in embedded]
    features = files.array(FEATURES, (np.float16,), 16)
    np.testing.assert_array_equal(features, np.array([row[IMAGE] for row in embedded], dtype=np.float16))
    found = open_index(str(root / "index")).search(features[[4, 11]].astype(np.float32), 1)
    assert [(one[0].row, one[0].id) for one in found] == [(4, "04.png"), (11, "11.png")]


def test_rows_beyond_the_first_group(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "ROW_GROUP_ROWS", 3)
    build_index(BuildIndexConfig(features=str(root / "index_features"), output=str(root / "groups")))
    told = IndexFiles(str(root / "groups")).told([19, 3, 2, 3])
    assert [one["id"] for one in told] == ["19.png", "03.png", "02.png", "03.png"]


def test_the_same_features_give_the_same_bytes_and_are_not_built_twice(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = BuildIndexConfig(features=str(root / "index_features"), output=str(root / "again"))
    build_index(config)
    for name in ("features.npy", "codes.npy", "scales.npy", "left_out.npy", "rows.parquet", "manifest.json"):
        assert (root / "again" / name).read_bytes() == (root / "index" / name).read_bytes(), name
    build_index(config)
    assert "is finished already" in capsys.readouterr().out


def test_a_file_that_was_cut_is_named(root: Path) -> None:
    build_index(BuildIndexConfig(features=str(root / "index_features"), output=str(root / "cut")))
    path = root / "cut" / "codes.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"codes.npy: found \d+ bytes"):
        open_index(str(root / "cut"))


def test_a_column_that_was_not_embedded_is_named(root: Path) -> None:
    with pytest.raises(ValueError, match="no text_features"):
        build_index(BuildIndexConfig(features=str(root / "index_features"), output=str(root / "no"), of="texts"))
