"""Lists of paths and labels."""

import csv
from pathlib import Path

import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.inputs import find_images
from trainer.evaluate.labelled.path_list import read_texts

CLASSES = ClassNames.of(["cat", "dog, big"])


@pytest.mark.parametrize("name", ["list.csv", "list.tsv"])
def test_a_list_of_paths_and_labels(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"A")
    rows = [("Filename", "n", "Label"), ("a.jpg", "1", "dog, big"), ("gone.jpg", "2", "cat"), ("b.jpg", "3", "")]
    quoted = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows]
    text = "\n".join(quoted if name.endswith("csv") else ["\t".join(row) for row in rows])
    (tmp_path / name).write_text(text + "\n")
    found = find_images(str(tmp_path / name), CLASSES)
    assert (found.names, found.labels, found.passed_over) == (["a.jpg", "gone.jpg"], [1, 0], 1)
    assert found.read(0) == b"A"
    assert found.sizes == [1, -1]
    with pytest.raises(FileNotFoundError):  # which evaluation counts as skipped
        found.read(1)


def test_a_row_whose_path_can_be_no_file_is_one_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"A")
    (tmp_path / "l.csv").write_text(f"path,label\na.jpg,cat\n{'long' * 100}.jpg,cat\na\0b.jpg,cat\n")
    found = find_images(str(tmp_path / "l.csv"), CLASSES)
    assert found.sizes == [1, -1, -1]
    for place in (1, 2):
        with pytest.raises(OSError, match=r"too long|no file can have this name"):
            found.read(place)


def test_quoted_line_ends_above_a_block_of_the_reader(tmp_path: Path) -> None:
    rows = [(f"{number}.jpg", f'cap\n"{number}", x' + "y" * 90, "cat" if number % 3 else "dog, big")
            for number in range(12_000)]  # fmt: skip
    with (tmp_path / "l.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "note", "label"), *rows])
    assert (tmp_path / "l.csv").stat().st_size > 1 << 20
    found = find_images(str(tmp_path / "l.csv"), CLASSES)
    assert found.names == [name for name, _, _ in rows]
    assert found.labels == [int(label != "cat") for _, _, label in rows]
    assert read_texts(str(tmp_path / "l.csv"), "--dataset")["note"].to_pylist() == [note for _, note, _ in rows]


def test_quotes_of_a_tsv_are_text_unless_they_hold_the_whole_cell(tmp_path: Path) -> None:
    cells = ['"open', 'a 5" disk', '"a ""big"" dog"', '"a" dog', '""', '"', "a, b", '"""']
    rows = [f"{number}.jpg\t{cell}" for number, cell in enumerate(cells)]
    (tmp_path / "l.tsv").write_text("\n".join(['path\t"label"', *rows]) + "\n")
    table = read_texts(str(tmp_path / "l.tsv"), "--dataset")
    assert table.column_names == ["path", "label"]
    assert table["path"].to_pylist() == [f"{number}.jpg" for number in range(len(cells))]
    assert table["label"].to_pylist() == ['"open', 'a 5" disk', 'a "big" dog', '"a" dog', None, '"', "a, b", '"""']


def test_numbers_stay_numbers_and_digits_classes(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("path,label\na.jpg,0\nb.jpg,1\n")
    assert find_images(str(tmp_path / "l.csv"), CLASSES).labels == [0, 1]
    assert find_images(str(tmp_path / "l.csv"), ClassNames.of(["1", "0"])).labels == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a,b\n1,2\n", "no column with the path of an image; expected one of path, .* found 'a', 'b'", id="no path"
        ),
        pytest.param("path,b\n1,2\n", "no column with the label", id="no label"),
        pytest.param("path,label\na.jpg,bird\n", "label 'bird' of image 0", id="no class"),
        pytest.param("", "expected a table with a header", id="empty"),
    ],
)
def test_what_is_no_list_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        find_images(str(tmp_path / "l.csv"), CLASSES)
