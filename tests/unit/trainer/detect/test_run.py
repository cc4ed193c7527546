"""Names of the pictures that `trainer detect run` draws; the command itself: tests/integration/test_detect.py."""

import os
from pathlib import Path

import pytest

from schemas.storage import Folder
from trainer.detect.run import picture_file


@pytest.mark.parametrize(
    "stem", [b"a" * 251, "東".encode() * 83, b"caf\xe9" * 60], ids=["ASCII", "three-bytes-each", "no-UTF-8"]
)
def test_a_name_of_any_length_gives_a_file_that_can_be_written(tmp_path: Path, stem: bytes) -> None:
    path = os.fsdecode(stem + b".jpg")
    (tmp_path / path).write_bytes(b"")
    names = [picture_file(number, path) for number in (7, 8, 123_456)]
    folder = Folder(str(tmp_path / "out"))
    for name in names:
        folder.write_json("told.json", folder.write(name, b"drawn").name)
        assert (tmp_path / "out" / name).read_bytes() == b"drawn"
    assert len(set(names)) == 3
    assert names[0].startswith("pictures/00007-")


def test_a_short_name_stays() -> None:
    assert picture_file(3, "/a/b/Zürich 1.final.jpg") == "pictures/00003-Zürich 1.final.png"
