"""Lists of images, and what of them decodes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.data.decode.image import ImageFault
from trainer.detect.data.image_files import decode_all, list_images, read_rgb


def make(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.jpg", "deep/c.PNG")):
        Image.new("RGB", (8 + number, 6), (40 * number, 0, 0)).save(folder / name)
    (folder / "broken.png").write_bytes(b"broken")
    (folder / "notes.txt").write_text("no image")
    (folder / "._a.jpg").write_bytes(b"of a Mac")


def test_folders_are_looked_through_and_files_taken_as_named(tmp_path: Path) -> None:
    make(tmp_path / "x")
    paths = list_images([str(tmp_path / "x" / "b.png"), str(tmp_path / "x")])
    assert [Path(path).name for path in paths] == ["b.png", "a.jpg", "broken.png", "c.PNG"]
    assert list_images([str(tmp_path / "x" / "notes.txt")]) == [str(tmp_path / "x" / "notes.txt")]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--images: no such file or folder '.*none'"):
        list_images([str(tmp_path / "none")])
    with pytest.raises(FileNotFoundError, match="--images: no image below"):
        list_images([str(tmp_path)])


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_what_does_not_decode_is_skipped_and_told(tmp_path: Path, batch_size: int) -> None:
    make(tmp_path)
    paths, skipped = list_images([str(tmp_path)]), []
    batches = list(decode_all(paths, batch_size, 2, skipped))
    assert max(map(len, batches)) <= batch_size
    found = {paths[one.number].rsplit("/", 1)[-1]: one.rgb.shape for batch in batches for one in batch}
    assert found == {"b.png": (6, 8, 3), "a.jpg": (6, 9, 3), "c.PNG": (6, 10, 3)}
    assert skipped == [f"{tmp_path}/broken.png: does not decode"]


def test_one_image(tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), (9, 8, 7)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(str(tmp_path / "a.png")), np.full((2, 4, 3), [9, 8, 7]))
    with pytest.raises(ImageFault, match="cannot be read"):
        read_rgb(str(tmp_path))
