"""One rule for pictures, however they come."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.data.transforms import ImageFault, decode_centre
from trainer.use.preprocess import Preprocess

PX = 32


def jpeg(width: int = 200, height: int = 140, **options: object) -> bytes:
    """Return a picture of soft shapes with fine lines, which differ when a decoder shrinks."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, 128 + 100 * np.sin(x / 2) * np.cos(y / 3)], axis=2)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg(exif=exif)


@pytest.mark.parametrize("data", [jpeg(), turned()], ids=["plain", "turned by EXIF"])
def test_a_path_bytes_and_an_opened_image_are_the_same_pixels(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    preprocess, wanted = Preprocess(PX), torch.from_numpy(decode_centre(data, PX))
    with Image.open(path) as opened:
        for picture in (path, str(path), data, opened, Image.open(io.BytesIO(data))):
            found = preprocess(picture)
            assert found.dtype == torch.uint8
            assert torch.equal(found, wanted)
        assert opened.size == (200, 140)
        assert np.asarray(opened).shape == (140, 200, 3)  # it can still be read


def test_what_pillow_made_is_taken_by_the_same_rule() -> None:
    rgba = Image.new("RGBA", (80, 60), (255, 0, 0, 0))
    rgba.paste((0, 0, 255, 255), (0, 0, 40, 60))
    buffer = io.BytesIO()
    rgba.save(buffer, "PNG")
    found = Preprocess(PX)(rgba)
    assert torch.equal(found, torch.from_numpy(decode_centre(buffer.getvalue(), PX)))
    assert found[:, PX // 2, -1].tolist() == [255, 255, 255]  # transparency is white
    assert rgba.mode == "RGBA"


def test_a_changed_image_counts_as_it_is() -> None:
    opened = Image.open(io.BytesIO(jpeg()))
    opened.load()
    opened.paste((1, 2, 3), (0, 0, 200, 140))
    assert Preprocess(PX)(opened).float().mean(dim=(1, 2)).tolist() == [1, 2, 3]


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg()[:5_000])
    preprocess = Preprocess(PX)
    with pytest.raises(ImageFault, match=r"a\.jpg does not decode"):
        preprocess(tmp_path / "a.jpg")
    with pytest.raises(ImageFault, match="the image does not decode"):
        preprocess(b"no picture")
    with pytest.raises(FileNotFoundError):
        preprocess(tmp_path / "absent.jpg")
    with Image.open(tmp_path / "a.jpg") as cut, pytest.raises(ImageFault, match=r"a\.jpg does not decode"):
        preprocess(cut)
