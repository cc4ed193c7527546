"""Pictures of rows: JPEGs made anew, and no file outside of the folder."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.small_shards import picture, write_tar
from trainer.search.pictures import SIDE_PX, ImageFault, Pictures


def told(name: str, tar: str | None = None, offset: int = 0, size: int = 0) -> dict[str, object]:
    return {"id": name, "tar": tar, "image_offset": offset, "image_bytes": size}


def pixels(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_picture_of_a_folder_and_of_a_tar(tmp_path: Path) -> None:
    data = picture(1, side_px=500)
    (tmp_path / "a.png").write_bytes(data)
    write_tar(tmp_path / "0.tar", [("a.png", data)])
    by_folder = Pictures({"images": str(tmp_path)}).jpeg(told("a.png"))
    by_tar = Pictures({"shards": str(tmp_path)}).jpeg(told("a", "0.tar", 512, len(data)))
    assert by_folder == by_tar
    assert pixels(by_folder).shape == (SIDE_PX, SIDE_PX, 3)
    assert np.abs(pixels(by_folder).mean(axis=(0, 1)) - (30, 200, 40)).max() < 10


@pytest.mark.parametrize("name", ["../secret.png", "absent.png", "/etc/hostname"], ids=["above", "absent", "absolute"])
def test_no_file_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.png").write_bytes(picture(0))
    with pytest.raises(FileNotFoundError):
        Pictures({"images": str(tmp_path / "in")}).jpeg(told(name))


def test_what_is_no_picture_any_more_and_texts_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageFault):
        Pictures({"images": str(tmp_path)}).jpeg(told("a.png"))
    with pytest.raises(FileNotFoundError, match="texts alone"):
        Pictures({}).jpeg(told("1"))
