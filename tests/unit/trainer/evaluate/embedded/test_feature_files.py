"""Features from Parquet: parts in order, classes of a column or of the ids; what is wrong is named."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.evaluate.embedded.feature_files import is_feature_path, read_features, read_labels

ROWS = np.arange(8, dtype=np.float32).reshape(4, 2)


def table(rows: np.ndarray = ROWS, **columns: object) -> pa.Table:
    values = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])
    return pa.table({**columns, "features": values})


def test_parts_come_in_order_and_ids_name_the_class(tmp_path: Path) -> None:
    pq.write_table(table(ROWS[2:].astype(np.float16), id=["cat/2.jpg", "a b/c/3.jpg"]), tmp_path / "part-1.parquet")
    pq.write_table(table(ROWS[:2], id=["dog/0.jpg", "cat/1.jpg"]), tmp_path / "part-0.parquet")
    assert is_feature_path(str(tmp_path))
    rows, labels = read_features(str(tmp_path), "--train")
    np.testing.assert_array_equal(rows, ROWS)
    assert rows.dtype == np.float32
    assert labels == ["dog", "cat", "cat", "a b"]


def test_a_column_of_labels_comes_first(tmp_path: Path) -> None:
    pq.write_table(table(id=["k"] * 4, label=["x", "y", "x", "y"]), tmp_path / "one.parquet")
    assert read_features(str(tmp_path / "one.parquet"), "--train")[1] == ["x", "y", "x", "y"]


def test_classes_are_read_without_features(tmp_path: Path) -> None:
    pq.write_table(table(NAN, id=["a/0", "b/1"]), tmp_path / "one.parquet")
    assert read_labels(str(tmp_path), "--train") == ["a", "b"]
    with pytest.raises(FileNotFoundError, match="--train: no such file"):
        read_labels(str(tmp_path / "absent.parquet"), "--train")


def test_of_an_output_of_embed_the_features_alone_are_read(tmp_path: Path) -> None:
    for name in ("features", "unusable"):
        (tmp_path / name).mkdir()
    made = table(id=["a/0", "b/1", "a/2", "b/3"])
    pq.write_table(made.rename_columns(["id", "image_features"]), tmp_path / "features" / "00000.parquet")
    pq.write_table(pa.table({"id": ["c/4"]}), tmp_path / "unusable" / "00000.parquet")
    rows, labels = read_features(str(tmp_path), "--train")
    np.testing.assert_array_equal(rows, ROWS)
    assert labels == ["a", "b", "a", "b"]


def test_a_folder_of_images_is_none(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    assert not is_feature_path(str(tmp_path))


NAN = np.array([[0, 1], [np.nan, 1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (table(id=["k"] * 4), "row 0: the id 'k' has no folder to name its class"),
        (table(label=["x", "", "y", "z"]), "expected the name of a class in column 'label'"),
        (table(NAN, label=["x", "y"]), "row 1: features that are not finite"),
        (pa.table({"id": ["a/b"]}), "expected a column 'image_features' or 'features', found"),
        (pa.table({"id": ["a/b"], "features": [[1.0]]}), "expected features as fixed_size_list"),
    ],
    ids=["no folder", "no label", "nan", "no features", "lists"],
)
def test_what_is_wrong_is_named(tmp_path: Path, made: pa.Table, message: str) -> None:
    pq.write_table(made, tmp_path / "one.parquet")
    with pytest.raises(ValueError, match=rf"--test: .*one.parquet.*{message}"):
        read_features(str(tmp_path / "one.parquet"), "--test")


def test_other_widths_and_no_parquet_are_named(tmp_path: Path) -> None:
    pq.write_table(table(ROWS[:, :1], label=["x"] * 4), tmp_path / "a.parquet")
    pq.write_table(table(label=["x"] * 4), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet: features of 2 numbers, those before have 1"):
        read_features(str(tmp_path), "--train")
    (tmp_path / "a.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: expected Parquet"):
        read_features(str(tmp_path), "--train")
    with pytest.raises(FileNotFoundError, match="--train: no such file"):
        read_features(str(tmp_path / "absent.parquet"), "--train")
