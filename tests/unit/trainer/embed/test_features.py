"""Files of features: read as they were written, damage told, features that are not finite refused."""

from pathlib import Path

import numpy as np
import pytest

from schemas.feature_files import IMAGE, TEXT, FeatureFiles, features_schema
from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.embed.encode import EncodedPart
from trainer.embed.features import features_table, write_features
from trainer.embed.items import Item, Place


def write(root: Path, part: EncodedPart, dtype: str) -> Path:
    folder, record = Folder(str(root)), RunRecord(command="test", config={})
    start_run(folder, record)
    schema = features_schema(dtype, 3, has_images=True, has_texts=True)
    file = write_features(
        folder, "features/00000.parquet", features_table(part, ["a query", None], schema, dtype), schema
    )
    summary = {"model": "m", "width": 3, "dtype": dtype, "columns": [IMAGE, TEXT], "without_caption": 1}
    write_manifest(folder, "features", [file], rows=2, identity=record.identity, summary=summary)
    return root / file.name


def part() -> EncodedPart:
    items = [Item("a", caption="a cat", place=Place("0.tar", 512, 10)), Item("b")]
    return EncodedPart(items, np.eye(3, dtype=np.float32)[:2], np.eye(3, dtype=np.float32)[[2, 2]] * [[1], [0]])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_is_written_is_read(tmp_path: Path, dtype: str) -> None:
    write(tmp_path / "out", part(), dtype)
    files = FeatureFiles(str(tmp_path / "out"))
    (images,), (texts,) = files.tables(IMAGE), files.tables(TEXT)
    assert files.features(images, IMAGE).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(files.features(images, IMAGE), np.eye(3)[:2])
    np.testing.assert_array_equal(files.features(texts, TEXT), [[0, 0, 1]])
    assert images.select(["id", "query", "tar", "image_offset", "image_bytes"]).to_pylist() == [
        {"id": "a", "query": "a query", "tar": "0.tar", "image_offset": 512, "image_bytes": 10},
        {"id": "b", "query": None, "tar": None, "image_offset": None, "image_bytes": None},
    ]


def test_features_that_are_not_finite_are_refused_by_id() -> None:
    broken = part()
    assert broken.images_NE is not None
    broken.images_NE[1, 2] = np.nan
    schema = features_schema("float16", 3, has_images=True, has_texts=True)
    with pytest.raises(ValueError, match=r"^b: its features are not finite"):
        features_table(broken, [None, None], schema, "float16")
