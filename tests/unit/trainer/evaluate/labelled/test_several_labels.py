"""Images with several labels: the same of a list of paths and of pictures in Parquet."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.evaluate.labelled.several_labels import images_of_cells, images_of_lists

LABELS = [["cat", "dog"], [], ["dog"]]
DIFFICULT = [[], ["cat"], []]


def test_a_list_and_parquet_are_read_alike(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(bytes([number]) * (number + 1))
    (tmp_path / "t.csv").write_text("path,label,difficult\n0.jpg,cat dog,\n,cat,\n1.jpg,,cat\n2.jpg,dog,\n")
    pictures = [{"bytes": bytes([number]) * (number + 1)} for number in range(3)]
    table = pa.table({"image": pictures, "labels": LABELS, "difficult": DIFFICULT})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    cells = images_of_cells(str(tmp_path / "t.csv"), "--train", " ")
    lists = images_of_lists([tmp_path / "t.parquet"], "--train")
    assert (cells.names, cells.passed_over, cells.sizes) == (["0.jpg", "1.jpg", "2.jpg"], 1, [1, 2, 3])
    for images in (cells, lists):
        assert images.labels.holding.to_pylist() == LABELS
        assert images.labels.difficult is not None
        assert images.labels.difficult.to_pylist() == DIFFICULT
        assert [images.read(place) for place in range(3)] == [picture["bytes"] for picture in pictures]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.jpg,x\na.jpg,y\n", r"t.csv: path 'a.jpg' stands in 2 rows; give all labels of an image in one"),
        ("path,label\n", "has no row with a path"),
        ("path,tags\na.jpg,x\n", "has no column with the label of an image"),
    ],
    ids=["twice", "empty", "no labels"],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=f"--train: .*{message}"):
        images_of_cells(str(tmp_path / "t.csv"), "--train", ";")
