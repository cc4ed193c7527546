"""The CSV of images and groups: rows in order; what is wrong is named with its line."""

from pathlib import Path

import pytest

from trainer.evaluate.labels.grouped_images import read_groups


def write(root: Path, text: str) -> str:
    for name in ("a.png", "deep/b.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    (root / "images.csv").write_text(text, encoding="utf-8-sig")
    return str(root / "images.csv")


def test_rows_come_in_order_and_none_is_a_group(tmp_path: Path) -> None:
    found = read_groups(write(tmp_path, "path,age,race\ndeep/b.png, 20-29 ,x\na.png,,y\n"), "age")
    assert (found.root, found.paths, found.groups) == (str(tmp_path), ["deep/b.png", "a.png"], ["20-29", "(none)"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,sex\na.png,x\n", "no column 'age'; found 'path, sex'"),
        ("path,age\na.png,1\na.png,2\n", "line 3: 'a.png' is already on line 2"),
        ("path,age\n../a.png,1\n", "line 2: expected a path below the folder"),
        ("path,age\n/etc/hosts,1\n", "line 2: expected a path below the folder"),
        ("path,age\nc.png,1\n", "line 2: no such image 'c.png'"),
        ("path,age\n", "has no rows"),
    ],
    ids=["column", "twice", "above", "absolute", "absent", "empty"],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_groups(write(tmp_path, text), "age")
