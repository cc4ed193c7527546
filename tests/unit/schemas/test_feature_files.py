"""Folders of features: read as they were written, damage and what is no such folder told."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.feature_files import IMAGE, TEXT, FeatureFiles, features_of
from tests.support.feature_folders import unit_rows, write_features

IMAGES = unit_rows(np.random.default_rng(0).standard_normal((9_000, 3)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_is_written_is_read_a_row_group_at_a_time(tmp_path: Path, dtype: type[np.floating]) -> None:
    files = FeatureFiles(write_features(tmp_path / "f", IMAGES.astype(dtype), part_rows=5_000, unusable=["bad"]))
    tables = list(files.tables(IMAGE))
    assert [len(table) for table in tables] == [4_096, 904, 4_000]
    found = np.concatenate([files.features(table, IMAGE) for table in tables])
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, IMAGES)
    assert (files.rows, files.width, len(files.files), files.unusable[0].rows) == (9_000, 3, 2, 1)


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    files = FeatureFiles(write_features(tmp_path / "f", IMAGES))
    with pytest.raises(ValueError, match=r"has image_features, no text_features; embed again with --of"):
        next(files.tables(TEXT))


def test_a_changed_byte_is_told(tmp_path: Path) -> None:
    files = FeatureFiles(write_features(tmp_path / "f", IMAGES, part_rows=9_000))
    path = tmp_path / "f" / "features" / "00000.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"features/00000.parquet: found the SHA-256"):
        list(files.tables(IMAGE))


def test_a_summary_that_is_another_is_told(tmp_path: Path) -> None:
    path = write_features(tmp_path / "f", IMAGES)
    manifest = json.loads((tmp_path / "f" / "manifest.json").read_text())
    manifest["summary"]["width"] = "3"
    (tmp_path / "f" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"manifest.json: .*width.*expected what trainer embed wrote"):
        FeatureFiles(path)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float16()), pa.list_(pa.float16(), 4), pa.list_(pa.float64(), 3)], ids=["list", "4", "float64"]
)
def test_other_numbers_than_the_manifest_says_are_told(kind: pa.DataType) -> None:
    table = pa.table({IMAGE: pa.nulls(2, kind)})
    with pytest.raises(ValueError, match=r"f.parquet: column 'image_features': expected lists of 3 numbers, none null"):
        features_of(table, IMAGE, 3, "f.parquet")
