"""What is embedded: parts of about as many rows, and inputs that cannot be read."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from schemas.storage import Folder
from tests.support.removals import write_removals
from tests.support.small_shards import picture, write_shards
from trainer.embed.items import ImageItems, Item, ShardItems, TextItems


@pytest.mark.parametrize("part_rows", [1, 2, 3, 100])
def test_lines_come_once_each_whatever_the_parts(tmp_path: Path, part_rows: int) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"\n one\r\ntwo\n  \nthree\nfour\nfive")
    items = TextItems(str(path), part_rows)
    found = [item for part in range(items.num_parts) for item in items.part(part)]
    assert [(i.id, i.caption) for i in found] == [
        ("2", "one"), ("3", "two"), ("5", "three"), ("6", "four"), ("7", "five"),
    ]  # fmt: skip
    assert items.num_rows == 5


@pytest.mark.parametrize(
    ("data", "told"),
    [(b" \n\n", "has no line that is not empty"), ("a".encode("utf-16"), "found UTF-16")],
    ids=["empty", "utf-16"],
)
def test_a_text_without_lines_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "texts.txt").write_bytes(data)
    with pytest.raises(ValueError, match=told):
        TextItems(str(tmp_path / "texts.txt"), 10)


def test_a_line_too_long_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes(b"a\n" + b"b" * (1 << 21) + b"\nc\n")
    found = list(TextItems(str(tmp_path / "texts.txt"), 10).part(0))
    assert [item.caption for item in found] == ["a", None, "c"]
    assert "expected at most" in str(found[1].fault)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--images: no such folder"):
        ImageItems(str(tmp_path / "absent"), 10)
    with pytest.raises(FileNotFoundError, match="--images: no image below"):
        ImageItems(str(tmp_path), 10)
    with pytest.raises(FileNotFoundError, match="--texts: no such file"):
        TextItems(str(tmp_path / "absent"), 10)


def test_a_folder_is_another_input_when_an_image_is(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(0))
    before = ImageItems(str(tmp_path), 10).inputs()
    (tmp_path / "a.png").write_bytes(picture(0) + b"\0")
    assert ImageItems(str(tmp_path), 10).inputs() != before


def test_a_name_that_is_no_utf8_is_one_fault(tmp_path: Path) -> None:
    for name in (b"a.png", b"caf\xe9.png", "é.png".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(picture(0))
    items = ImageItems(str(tmp_path), 10)
    assert items.inputs()  # before a picture is read
    found = list(items.part(0))
    assert [(item.id, item.fault) for item in found if item.fault is not None] == [
        ("caf\\xe9.png", "has a name that is no UTF-8, which no column of text can hold; rename it")
    ]
    assert [item.id for item in found if item.fault is None] == ["a.png", "é.png"]


def test_samples_of_shards_come_once_each_in_parts_of_whole_blocks(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 50)
    items = ShardItems(str(tmp_path / "shards"), 20, Folder(str(tmp_path / "run")), of="both", threads=1)
    items.open()
    found = [item.id for part in range(items.num_parts) for item in items.part(part)]
    assert found == [f"{number:06d}" for number in range(50)]
    assert items.num_parts > 1


def test_ids_of_samples_are_what_removals_name(tmp_path: Path) -> None:
    names = ["a", "./x/1", "x.y/2", "deep/" * 30 + "3", "kätze/4", "./5"]
    for number, name in enumerate(names):  # a tar each: their keys' headers are of several kinds
        with tarfile.open(tmp_path / f"{number}.tar", "w", format=tarfile.PAX_FORMAT) as archive:
            for suffix, data in ((".png", picture(number)), (".txt", b"a picture")):
                info = tarfile.TarInfo(name + suffix)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))

    def items(run: str) -> list[Item]:
        found = ShardItems(str(tmp_path), 20, Folder(str(tmp_path / run)), of="both", threads=1)
        found.open()
        return [item for part in range(found.num_parts) for item in found.part(part)]

    ids = [item.id for item in items("before")]
    assert sorted(ids) == sorted(["a", "x/1", "x.y/2", "deep/" * 30 + "3", "kätze/4", "5"])
    write_removals(tmp_path, *({"key": key} for key in ids[::2]))
    assert [item.id for item in items("after") if item.fault == "was removed"] == ids[::2]
