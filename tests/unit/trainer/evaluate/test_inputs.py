"""The images of a dataset: sorted, with the number of each one's class; what is no class is an error."""

from pathlib import Path

import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.inputs import find_images


def make(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return str(root)


def test_images_come_by_class_and_name(tmp_path: Path) -> None:
    dataset = make(tmp_path, "red_one/b.PNG", "red_one/deep/a.jpg", "blue/1.webp", "red_one/notes.txt", "LICENSE")
    found = find_images(dataset, ClassNames.of(["blue", "red one", "unused"]))
    assert found.names == ["blue/1.webp", "red_one/b.PNG", "red_one/deep/a.jpg"]
    assert (found.labels, found.passed_over) == ([0, 1, 1], 2)


def test_a_folder_that_is_no_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"folder 'green' of .* is no line of --classes; add it there or remove it"):
        find_images(make(tmp_path, "red/a.jpg", "green/a.jpg"), ClassNames.of(["red"]))


def test_a_dataset_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no image below the class folders .* \(1 other files\)"):
        find_images(make(tmp_path, "red/a.heic"), ClassNames.of(["red"]))
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find_images(str(tmp_path / "absent"), ClassNames.of(["red"]))
