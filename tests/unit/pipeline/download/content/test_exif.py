"""EXIF as img2dataset notes it, and what damaged or endless blocks give."""

import io
import json
from pathlib import Path

import exifread
from PIL import Image

from pipeline.download.content.exif import MAX_JSON_CHARACTERS, exif_json
from tests.support.download import picture


def with_exif(**tags: object) -> bytes:
    exif = Image.Exif()
    for tag, value in ((0x010F, "Maker"), (0x0110, "Model"), (0x0112, 6)):
        exif[tag] = value
    for name, value in tags.items():
        exif[int(name.removeprefix("t"))] = value
    sink = io.BytesIO()
    Image.new("RGB", (8, 8)).save(sink, "JPEG", exif=exif)
    return sink.getvalue()


def test_the_text_is_img2datasets() -> None:
    data = with_exif()
    tags = exifread.process_file(io.BytesIO(data), details=False)
    found = exif_json(data)
    assert found == json.dumps({k: str(v).strip() for k, v in tags.items() if v is not None})
    assert json.loads(found)["Image Make"] == "Maker"


def test_none_is_none_and_much_is_cut() -> None:
    assert exif_json(picture()) is None
    assert exif_json(b"") is None
    found = exif_json(with_exif(**{f"t{tag}": "x" * 900 for tag in range(0x9C00, 0x9C30)}))
    assert found is not None
    assert len(found) <= MAX_JSON_CHARACTERS
    assert json.loads(found)["Image Model"] == "Model"


def test_odd_files_give_a_bounded_text_or_nothing(shared_data: Path) -> None:
    for path in sorted((shared_data / "hostile_images" / "exif-samples").rglob("*.jpg")):
        found = exif_json(path.read_bytes())
        assert found is None or len(found) <= MAX_JSON_CHARACTERS, path
