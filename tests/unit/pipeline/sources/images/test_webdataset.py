"""Tars of images: side files, members apart, dots in names, damage."""

import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.support.local_images import APPLE_DOUBLE, IMAGE, Read
from tests.support.small_shards import write_tar
from tests.support.sources import opened, read


def test_a_tar_made_on_a_mac_gives_its_samples(tmp_path: Path) -> None:
    names = ["./._000.jpg", "./000.jpg", "./._000.txt", "./000.txt", "./._1.jpg", "./1.jpg", "./._1.txt", "./1.txt"]
    bodies = {".jpg": IMAGE, ".txt": b"a red cat"}
    write_tar(
        tmp_path / "0.tar",
        [(name, APPLE_DOUBLE if "._" in name else bodies[name[-4:]]) for name in names],
    )
    read = Read(tmp_path / "0.tar", "webdataset")
    assert read.captions == {"0.tar/000.jpg": "a red cat", "0.tar/1.jpg": "a red cat"}
    assert read.broken == []
    assert read.dropped == Counter(side_file=4)


def test_members_apart_are_told_as_such(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", [(f"{key}{suffix}", IMAGE if suffix == ".jpg" else b"a cat")
                                   for suffix in (".jpg", ".txt") for key in "abc"])  # fmt: skip
    read = Read(tmp_path / "0.tar", "webdataset")
    assert [item.reason for item in read.broken] == ["members_apart"] * 3
    assert str(read.broken[0].value).startswith("a.jpg and a.txt: members of the key 'a' stand apart in the tar; ")
    assert "the members of a key stand side by side" in str(read.broken[0].value)
    assert read.captions == {}


@pytest.mark.parametrize("first", [".jpg", ".txt"])
def test_what_a_part_lacks_is_told_when_it_stands_nowhere(tmp_path: Path, first: str) -> None:
    members = [(f"a{first}", b"x"), ("b.jpg", IMAGE), ("b.txt", b"a cat"), ("c.jpg", IMAGE), ("d.txt", b"a dog")]
    rest = ".txt" if first == ".jpg" else ".jpg"
    write_tar(tmp_path / "0.tar", [*members, (f"a{rest}", b"x"), ("a.json", b"{}"), ("b.json", b"{}")])
    read = Read(tmp_path / "0.tar", "webdataset")
    assert read.captions == {"0.tar/b.jpg": "a cat", "0.tar/c.jpg": None}
    assert [(item.reason, str(item.value).split(":")[0]) for item in read.broken] == [
        ("members_apart", f"a{first} and a{rest}, a.json"),
        ("members_apart", "b.json"),
        ("image_missing", "d.txt"),
    ]


def test_more_parts_than_are_held_are_told_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.images.webdataset.MAX_HELD_SAMPLES", 1)
    write_tar(tmp_path / "0.tar", [(name, b"x") for name in ("a.jpg", "b.jpg", "a.txt", "b.txt")])
    read = Read(tmp_path / "0.tar", "webdataset")
    assert read.captions == {"0.tar/b.jpg": None}
    assert [item.reason for item in read.broken] == ["members_apart"] * 2


def test_a_key_that_another_sample_has_is_rejected(tmp_path: Path) -> None:
    members = [("a.jpg", IMAGE), ("a.txt", b"one"), ("b.jpg", IMAGE), ("b.txt", b"two")]
    write_tar(tmp_path / "0.tar", [*members, *members])
    read = Read(tmp_path / "0.tar", "webdataset")
    assert read.captions == {"0.tar/a.jpg": "one", "0.tar/b.jpg": "two"}
    assert [item.reason for item in read.broken] == ["key_repeated"] * 2


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["22.05.png", "22.05.txt", "22.06.png", "22.06.txt"], ["22.05.png", "'22'", ".05.png"]),
        (["c.image.jpg", "c.txt"], ["c.image.jpg", "'c'", ".image.jpg"]),
        (["v1.0/d.input.jpg", "v1.0/d.txt"], ["v1.0/d.input.jpg", "'v1.0/d'", ".input.jpg"]),
    ],
    ids=["numbers", "kind", "folder"],
)
def test_dots_in_names_are_explained(tmp_path: Path, names: list[str], told: list[str]) -> None:
    write_tar(tmp_path / "0.tar", [(name, b"text" if name.endswith(".txt") else IMAGE) for name in names])
    read = Read(tmp_path / "0.tar", "webdataset")
    assert [item.reason for item in read.broken] == ["image_missing"]
    assert all(text in str(read.broken[0].value) for text in [*told, "a key ends at the first dot of the file name"])


def test_folders_with_dots_keep_their_samples(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", [("v1.0/a.jpg", IMAGE), ("v1.0/a.txt", b"a cat")])
    assert Read(tmp_path / "0.tar", "webdataset").captions == {"0.tar/v1.0/a.jpg": "a cat"}


def png() -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(sink, "PNG")
    return sink.getvalue()


def test_webdataset_refers_to_bytes_in_the_tar(tmp_path: Path) -> None:
    shard = tmp_path / "00000.tar"
    with tarfile.open(shard, "w") as tar:
        for name, body in [("x/1.png", png()), ("x/1.txt", b"one"), ("x/2.tiny.png", png()), ("x/3.jpg", png()),
                           ("x/3.json", b'{"caption": "three"}'), ("x/3.png", png())]:  # fmt: skip
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    rows, broken = read(opened(str(shard), "webdataset", input_name="set")[0])
    assert [row["caption"] for row in rows] == ["one", "three"]
    first = rows[0]["image_ref"]
    assert first["member"] == "00000.tar/x/1.png"
    whole = shard.read_bytes()
    assert whole[first["offset"] : first["offset"] + first["length"]] == png()
    assert [item.reason for item in broken] == ["image_missing"]
    assert str(broken[0].value).startswith("x/2.tiny.png: the key is 'x/2', and none of the suffixes .tiny.png is")


def test_a_bad_sample_is_one_rejection(tmp_path: Path) -> None:
    members = [
        ("./1.png", png()), ("./1.txt", b"one"),
        ("2.png", png()), ("2.txt", b"\xff"), ("2.json", b'{"caption": "x"}'),
        ("3.png", png()), ("3.png", png()),
        ("4.png", png()), ("4.json", b'{"caption": "\\ud83d"}'),
        ("\udcff.png", png()),
    ]  # fmt: skip
    write_tar(tmp_path / "a.tar", members)
    rows, broken = read(opened(str(tmp_path / "a.tar"), "webdataset")[0])
    assert [row["image_ref"]["member"] for row in rows] == ["a.tar/1.png"]
    assert [item.reason for item in broken] == [
        "caption_not_utf8", "key_repeated", "caption_not_utf8", "name_not_utf8",
    ]  # fmt: skip


def test_damage_in_the_middle_of_a_tar_is_no_end(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [(f"{number}.png", png()) for number in range(4)])
    whole = bytearray((tmp_path / "a.tar").read_bytes())
    assert read(opened(str(tmp_path / "a.tar"), "webdataset")[0])[1] == []
    whole[2048:2560] = b"\xff" * 512  # the header of the third member
    (tmp_path / "b.tar").write_bytes(whole)
    rows, broken = read(opened(str(tmp_path / "b.tar"), "webdataset")[0])
    assert len(rows) == 2
    assert [item.reason for item in broken] == ["file_truncated"]
    (tmp_path / "c.tar").write_bytes(whole[:2048])  # cut between two members
    rows, broken = read(opened(str(tmp_path / "c.tar"), "webdataset")[0])
    assert (len(rows), [item.reason for item in broken]) == (2, ["file_truncated"])


def test_a_truncated_tar_keeps_what_came_before(tmp_path: Path, shared_data: Path) -> None:
    whole = (shared_data / "captions" / "clip-retrieval-tests" / "image1.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole)
    (tmp_path / "b.tar").write_bytes(whole[: len(whole) // 2 + 100])
    rows, _ = read(opened(str(tmp_path / "a.tar"), "webdataset")[0])
    less, broken = read(opened(str(tmp_path / "b.tar"), "webdataset")[0])
    assert 0 < len(less) < len(rows) or broken


def test_memory_does_not_grow_with_the_members_of_a_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []

    class Watched(tarfile.TarFile):
        def next(self) -> tarfile.TarInfo | None:
            kept.append(len(self.members))
            return super().next()

    monkeypatch.setattr("tarfile.TarFile", Watched)
    monkeypatch.setattr("tarfile.open", Watched.open)
    write_tar(tmp_path / "a.tar", [(f"{number}.png", b"x") for number in range(300)])
    rows, broken = read(opened(str(tmp_path / "a.tar"), "webdataset")[0])
    assert (len(rows), broken) == (300, [])
    assert len(kept) > 300
    assert max(kept) <= 1
