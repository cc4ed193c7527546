"""Thumbnails are small JPEGs of the pixels alone; what cannot be read is counted, and no reason to fail."""

import io
from pathlib import Path

import pytest
from PIL import Image

from pipeline.report.thumbnails import Thumbnails, thumbnail
from schemas.storage import Folder
from tests.support.download import picture


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")])
def test_any_kind_becomes_a_small_jpeg(kind: str, mode: str) -> None:
    found = Image.open(io.BytesIO(thumbnail(picture(kind, (300, 200), mode))))
    assert (found.format, found.size, found.mode) == ("JPEG", (128, 85), "RGB")


def test_nothing_that_stands_beside_the_pixels_gets_through() -> None:
    data = io.BytesIO()
    Image.new("RGB", (10, 10)).save(data, "JPEG", comment=b"<script>", exif=b"Exif\0\0secret", icc_profile=b"profile")
    made = thumbnail(data.getvalue())
    assert not any(word in made for word in (b"<script>", b"secret", b"profile"))


@pytest.mark.parametrize("output_format", ["webdataset", "files", "parquet"])
def test_what_cannot_be_read_is_counted(tmp_path: Path, output_format: str) -> None:
    (tmp_path / "00000.tar").write_bytes(b"no picture" * 10)
    (tmp_path / "00000.parquet").write_bytes(b"no table")
    (tmp_path / "00000").mkdir()
    (tmp_path / "00000" / "k.jpg").write_bytes(picture()[:200])
    made = Thumbnails(Folder(str(tmp_path)), output_format)
    row = {"key": "k", "table": "00000.parquet", "members": [{"suffix": ".jpg", "offset": 3, "bytes": 50}]}
    assert made.of(row) is None
    assert made.of(row) is None
    assert made.failed == 1
