"""Parquet of images and labels, as bytes and as `datasets` writes them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.inputs import find_images

CLASSES = ClassNames.of(["cat", "dog"])


def test_bytes_and_names_over_row_groups_and_files(tmp_path: Path) -> None:
    for number in range(2):
        images = [bytes([number, row]) for row in range(5)]
        table = pa.table({"jpg": images, "class": ["cat", "dog", None, "cat", "dog"]})
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=2)
    found = find_images(str(tmp_path), CLASSES)
    assert found.labels == [0, 1, 0, 1] * 2
    assert found.passed_over == 2
    order = [7, 0, 3, 6, 1, 0]
    assert [found.read(place) for place in order] == [b"\x01\x04", b"\0\0", b"\0\x04", b"\x01\x03", b"\0\x01", b"\0\0"]
    assert found.names[7] == "1.parquet:2:0"


def test_a_dataset_of_hugging_face(tmp_path: Path) -> None:
    info = {"info": {"features": {"label": {"names": ["dog", "cat"], "_type": "ClassLabel"}}}}
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        metadata={"huggingface": json.dumps(info)},
    )
    rows = [{"image": {"bytes": b"x", "path": "a"}, "label": 0}, {"image": None, "label": 1}]
    rows.append({"image": None, "label": -1})  # what has no label there
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "d.parquet")
    found = find_images(str(tmp_path / "d.parquet"), CLASSES)
    assert found.passed_over == 1
    assert found.labels == [1, 0]  # by the names beside them, whatever the order of --classes
    assert [found.read(0), found.read(1)] == [b"x", b""]
    with pytest.raises(ValueError, match="label '-1' of image 2"):  # else they are numbers of lines
        find_images(str(tmp_path / "d.parquet"), ClassNames.of(["a", "b"]))


def test_what_is_no_dataset_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"d\.parquet: expected a Parquet file"):
        find_images(str(path), CLASSES)
    pq.write_table(pa.table({"jpg": [b""], "x": [1]}), path)
    with pytest.raises(ValueError, match=r"no column with the label of an image; expected one of label, .* 'jpg', 'x'"):
        find_images(str(path), CLASSES)
    pq.write_table(pa.table({"jpg": [b""], "label": pa.array([None], pa.string())}), path)
    with pytest.raises(FileNotFoundError, match="has no row with a label"):
        find_images(str(path), CLASSES)
