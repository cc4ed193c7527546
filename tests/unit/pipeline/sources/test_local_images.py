"""Folders and tars of images: side files, members apart, dots in names, and that no file or member goes uncounted."""

import itertools
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.sources.config import SourceOptions
from pipeline.sources.formats import open_source
from schemas.image_files import IMAGE_SUFFIXES
from tests.support.small_shards import picture, write_tar
from tests.support.sources import read_source

IMAGE = picture(0, 8)
APPLE_DOUBLE = bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(106)


class Read:
    """What a source gives of an input."""

    def __init__(self, path: Path, input_format: str) -> None:
        found = read_source(open_source(SourceOptions(input=str(path), input_format=input_format))[0])  # type: ignore[arg-type]
        self.captions = {row["image_ref"]["member"]: row["caption"] for row in found.rows}
        self.broken, self.dropped = found.broken, found.dropped

    @property
    def num_records(self) -> int:
        """Records of samples: what the file as a whole is rejected for is none."""
        return len(self.captions) + sum(not item.reason.startswith("file_") for item in self.broken)


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


NAMES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "cat/", "big.dog/", "__MACOSX/", ".ipynb_checkpoints/"]),
        st.sampled_from(["a", "b", "._a", "a.b", "_c"]),
        st.sampled_from([*IMAGE_SUFFIXES, ".JPG", ".Png", ".txt", ".json", ".heic", ".cls", ""]),
    ),
    max_size=14,
    unique_by=str.lower,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(NAMES)
def test_every_member_of_a_tar_is_read_rejected_or_dropped(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "0.tar"
    write_tar(path, [(name, b"{}" if name.endswith(".json") else b"text") for name in names])
    read = Read(path, "webdataset")
    with tarfile.open(path) as tar:  # counted without any code of the source
        listed = [member.name for member in tar]
    data = [name for name in listed if not name.startswith(("__MACOSX/", ".ipynb")) and "._" not in name]
    keyed = [name for name in data if "." in name.rpartition("/")[2]]
    expected = 0
    lacking: dict[str, bool] = {}
    for key, members in itertools.groupby(keyed, lambda name: name[: name.index(".", name.rfind("/") + 1)]):
        suffixes = {name[len(key) :].lower() for name in members}
        lacks = not (".txt" in suffixes and suffixes & set(IMAGE_SUFFIXES))
        if lacks and lacking.get(key):
            lacking[key] = False  # the rest of a sample that stands apart: told as one
        else:
            expected += 1
            lacking.setdefault(key, lacks)
    assert read.num_records == expected
    assert read.dropped.total() == len(listed) - len(keyed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(NAMES)
def test_every_file_of_a_folder_is_read_rejected_dropped_or_the_text_of_an_image(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("images")
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("{}" if name.endswith(".json") else "text")
    images = {path for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and "._" not in path.name
              and not path.parent.name.startswith((".", "__"))}  # fmt: skip
    if not images:
        if names:
            with pytest.raises(ValueError, match="no image in"):
                Read(root, "folder")
        return
    stems = {path.with_suffix("") for path in images}
    texts = [path for path in root.rglob("*") if path.suffix in (".txt", ".json") and path.with_suffix("") in stems]
    read = Read(root, "folder")
    assert read.num_records == len(images)
    assert read.dropped.total() == len(names) - len(images) - len(texts)


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
