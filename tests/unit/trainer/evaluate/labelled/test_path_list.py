"""Lists of paths and labels."""

from pathlib import Path

import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.inputs import find_images

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
