"""Folders of images: captions beside them or from their folders' names, side files, what is no image."""

import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.support.local_images import APPLE_DOUBLE, IMAGE, Read
from tests.support.sources import opened, read


def test_a_folder_from_a_mac_a_notebook_and_a_zip_gives_its_images(tmp_path: Path) -> None:
    for name in ["cat/a.jpg", "cat/._a.jpg", "__MACOSX/cat/._a.jpg", "cat/.ipynb_checkpoints/a-checkpoint.jpg",
                 "cat/a.txt", "cat/._a.txt", ".DS_Store", "Thumbs.db", "LICENSE", "notes.txt", "cat/b.HEIC",
                 "dog/_DSC1.JPG"]:  # fmt: skip
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        body = APPLE_DOUBLE if "._" in name else b"a red cat" if name.endswith(".txt") else IMAGE
        (tmp_path / "set" / name).write_bytes(body)
    read = Read(tmp_path / "set", "folder")
    assert read.captions == {"cat/a.jpg": "a red cat", "dog/_DSC1.JPG": "dog"}
    assert read.broken == []
    assert read.dropped == Counter(side_file=5, other_file=3, text_without_image=1)


def test_a_folder_without_an_image_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"x")
    (tmp_path / "a.txt").write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"no image in 2 files \(1 other_file, 1 text_without_image\); images are named"
    ):
        Read(tmp_path, "folder")


def png() -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(sink, "PNG")
    return sink.getvalue()


def test_folder_takes_captions_from_beside_or_from_class_folders(tmp_path: Path) -> None:
    for name, text in [("pairs/a.png", None), ("pairs/a.txt", "a red square"), ("pairs/b.png", None),
                       ("pairs/b.json", '{"caption": "from json"}'), ("golden_retriever/1.png", None),
                       ("pairs/c.png", None), ("pairs/c.txt", b"\xff\xfe")]:  # fmt: skip
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png() if text is None else text if isinstance(text, bytes) else text.encode())
    rows, broken = read(opened(str(tmp_path / "photos"), "folder")[0])
    found = {row["image_ref"]["member"]: (row["caption"], row["text_source"]) for row in rows}
    assert found == {
        "golden_retriever/1.png": ("golden retriever", "folder_name"),
        "pairs/a.png": ("a red square", "txt"),
        "pairs/b.png": ("from json", "json"),
    }
    assert {row["image_ref"]["root"] for row in rows} == {"photos"}
    assert [(item.reason, item.value) for item in broken] == [("caption_not_utf8", "pairs/c.png")]
