"""Tars with pictures and classes side by side."""

import io
import tarfile
from pathlib import Path

import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.inputs import find_images

CLASSES = ClassNames.of(["cat", "dog"])


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_classes_as_cls_and_in_json(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", {
        "a.jpg": b"A", "a.cls": b"1\n", "b.png": b"B", "b.json": b'{"label": 0}', "c.jpg": b"C", "d.cls": b"0",
        "e.jpg": b"E", "e.json": b"[]",
    })  # fmt: skip
    write_tar(tmp_path / "1.tar", {"x/f.webp": b"F", "x/f.cls": b"1"})
    found = find_images(str(tmp_path), CLASSES)
    assert (found.names, found.labels) == (["0.tar/a", "0.tar/b", "1.tar/x/f"], [1, 0, 1])
    assert found.passed_over == 3
    assert [found.read(place) for place in range(3)] == [b"A", b"B", b"F"]


def test_names_in_json(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", {"a.jpg": b"A", "a.json": b'{"class_name": "dog"}'})
    assert find_images(str(tmp_path / "0.tar"), CLASSES).labels == [1]


def test_a_tar_without_labels_is_told(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", {"a.jpg": b"A", "a.txt": b"a cat"})
    with pytest.raises(FileNotFoundError, match=r"no sample with a picture and a label \(1 others\); expected KEY"):
        find_images(str(tmp_path), CLASSES)
    (tmp_path / "0.tar").write_bytes(b"no tar" * 200)
    with pytest.raises((ValueError, FileNotFoundError), match=r"0\.tar: expected a whole tar|no sample"):
        find_images(str(tmp_path), CLASSES)
