"""Data sets as rows with classes: the same of pictures and of files; the model is loaded if it is asked for."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.support.small_model import CLASSES, write_pictures, write_small_model
from trainer.evaluate.embedded.labelled_features import Reader, check_classes, class_folders
from trainer.evaluate.embedded.options import FeatureOptions


def test_files_of_features_read_as_the_pictures_they_are_of(tmp_path: Path) -> None:
    root = Path(write_pictures(tmp_path / "images", range(8)))
    reader = Reader(FeatureOptions(checkpoint=write_small_model(tmp_path), threads=1))
    pictures = reader.read(str(root), "--train", CLASSES, "embedding")
    paths = sorted((p.relative_to(root) for p in root.rglob("*.png")), key=lambda p: p.as_posix())
    values = pa.array(pictures.features_NE.numpy().ravel())
    kept = {"id": [path.as_posix() for path in paths], "features": pa.FixedSizeListArray.from_arrays(values, 16)}
    pq.write_table(pa.table(kept), tmp_path / "kept.parquet")
    alone = Reader(FeatureOptions(threads=1))
    files = alone.read(str(tmp_path / "kept.parquet"), "--train", CLASSES, "embedding")
    torch.testing.assert_close(files.features_NE, pictures.features_NE)
    assert files.labels_N.tolist() == pictures.labels_N.tolist()
    assert alone.fingerprint == ""
    assert len(reader.fingerprint) == 64
    with pytest.raises(ValueError, match="--checkpoint: images and prompts need a model"):
        alone.read(str(root), "--train", CLASSES, "embedding")


def test_classes_are_folders_without_side_folders(tmp_path: Path) -> None:
    root = Path(write_pictures(tmp_path / "images", range(4)))
    (root / ".ipynb_checkpoints").mkdir()
    assert class_folders(str(root), "--train") == ["blue_one", "green_one", "red_one", "yellow_one"]
    check_classes(str(root), "--test", CLASSES)
    with pytest.raises(ValueError, match=r"--test: class 'blue_one' of .* is none of the 1 classes known"):
        check_classes(str(root), "--test", ["red one"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="has no folder of images"):
        class_folders(str(tmp_path / "empty"), "--train")


def test_images_that_do_not_decode_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = Reader(FeatureOptions(checkpoint=write_small_model(tmp_path), threads=1))
    (tmp_path / "images" / "red_one").mkdir(parents=True)
    (tmp_path / "images" / "red_one" / "broken.jpg").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"--test: none of the 1 images of .* decodes"):
        reader.read(str(tmp_path / "images"), "--test", CLASSES, "embedding")
    assert "skipped red_one/broken.jpg" in capsys.readouterr().err
