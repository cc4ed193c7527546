"""Folders of features: read by rows, refused where they do not fit, by file and id where a row is no feature."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.similarity.inputs import files_of, images_of, open_features, read_ids, read_images, read_rows, texts_of
from schemas.storage import Folder
from tests.support.feature_folders import unit_rows, write_features

RNG = np.random.default_rng(0)
IMAGES = unit_rows(RNG.standard_normal((25, 6)))


def test_rows_come_in_their_order_from_any_file(tmp_path: Path) -> None:
    source, _ = open_features(write_features(tmp_path / "f", IMAGES, part_rows=10), (), False)
    files = files_of(source)
    assert [(file.number, file.first_row, file.record.rows) for file in files] == [(0, 0, 10), (1, 10, 10), (2, 20, 5)]
    np.testing.assert_array_equal(read_images(files).half_NE, IMAGES)
    assert read_ids(files).to_pylist() == [f"{row:08d}" for row in range(25)]
    for rows in ([0, 9, 10, 24], [11], [20, 21]):
        np.testing.assert_array_equal(read_rows(files, np.array(rows)), IMAGES[rows])


@pytest.mark.parametrize(
    ("images", "more", "told"),
    [
        (IMAGES, {"model": "b" * 64}, "by the model bbbbbbbbbbbb, those of .* have 6 by aaaaaaaaaaaa; embed both"),
        (unit_rows(RNG.standard_normal((3, 7))), {}, "features of 7 numbers by the model aaaaaaaaaaaa"),
    ],
    ids=["model", "width"],
)
def test_features_of_another_model_are_refused(tmp_path: Path, images: np.ndarray, more: dict, told: str) -> None:
    path = write_features(tmp_path / "f", IMAGES)
    with pytest.raises(ValueError, match=told):
        open_features(path, [write_features(tmp_path / "other", images, **more)], False)


def test_folders_that_lack_what_is_asked_for(tmp_path: Path) -> None:
    path = write_features(tmp_path / "f", IMAGES)
    with pytest.raises(ValueError, match=r"has image_features, no text_features; embed again with --of"):
        open_features(path, (), True)
    with pytest.raises(FileNotFoundError, match="no such folder; expected a finished features folder"):
        open_features(path, [str(tmp_path / "absent")], False)
    (tmp_path / "f" / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"is unfinished \(no manifest.json\)"):
        open_features(path, (), False)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3.0], ids=["nan", "infinite", "zero", "long"])
def test_a_row_that_is_no_feature_is_named(tmp_path: Path, value: float) -> None:
    images = IMAGES.copy()
    images[13] = value
    source, _ = open_features(write_features(tmp_path / "f", images, IMAGES, part_rows=10), (), True)
    file = files_of(source)[1]
    (table,) = file.tables()
    with pytest.raises(ValueError, match=r"00001.parquet: image_features of '00000013' have the length .*, expected 1"):
        images_of(table, file)


def test_a_text_of_zeros_is_none_and_another_is_checked(tmp_path: Path) -> None:
    texts = IMAGES.copy()
    texts[[3, 7]] = 0
    source, _ = open_features(write_features(tmp_path / "f", IMAGES, texts), (), True)
    (file,) = files_of(source)
    (table,) = file.tables()
    assert np.flatnonzero(~texts_of(table, file)[1]).tolist() == [3, 7]
    texts[5] = 0.5
    source, _ = open_features(write_features(tmp_path / "long", IMAGES, texts), (), True)
    (file,) = files_of(source)
    (table,) = file.tables()
    with pytest.raises(ValueError, match=r"text_features of '00000005' have the length 1\.2"):
        texts_of(table, file)


def test_a_file_that_was_changed_is_named(tmp_path: Path) -> None:
    source, _ = open_features(write_features(tmp_path / "f", IMAGES), (), False)
    (file,) = files_of(source)
    data = bytearray((tmp_path / "f" / file.record.name).read_bytes())
    data[len(data) // 2] ^= 1
    Folder(source.folder.url).write(file.record.name, bytes(data))
    with pytest.raises(ValueError, match=r"00000.parquet: found the SHA-256"):
        list(file.tables())
