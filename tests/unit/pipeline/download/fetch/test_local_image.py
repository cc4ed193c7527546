"""Local images: files and tar members below a named root, and nothing outside it."""

import io
import tarfile
from pathlib import Path

import pytest

from pipeline.download.fetch.local_image import read_local_image
from pipeline.download.outcome import Body, Failure, ImageReference


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.jpg").write_bytes(b"picture")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link.jpg").symlink_to(tmp_path / "secret")
    with tarfile.open(folder / "00000.tar", "w") as tar:
        info = tarfile.TarInfo("x/b.jpg")
        info.size = 6
        tar.addfile(info, io.BytesIO(b"member"))
    return folder


def read(root: Path, member: str, offset: int | None = None, length: int | None = None, most: int = 1 << 16) -> object:
    return read_local_image(ImageReference("photos", member, offset, length), {"photos": str(root)}, most)


def test_file_and_member(root: Path) -> None:
    assert read(root, "sub/a.jpg") == Body(b"picture", None)
    assert read(root, "00000.tar/x/b.jpg", 512, 6) == Body(b"member", None)


@pytest.mark.parametrize(
    "member",
    [
        "../secret",
        "sub/../../secret",
        "/etc/passwd",
        "link.jpg",
        "none.jpg",
        "sub",
        "",
        pytest.param("a\0b", id="zero byte"),
        "..\\secret",
    ],
)
def test_nothing_outside_the_root(root: Path, member: str) -> None:
    assert read(root, member) == Failure("image_missing")


def test_bounds(root: Path) -> None:
    assert read(root, "sub/a.jpg", most=3) == Failure("body_too_large")
    assert read(root, "00000.tar/x/b.jpg", 512, 1 << 40) == Failure("body_too_large")
    assert read(root, "00000.tar/x/b.jpg", 512, 99_999, most=1 << 20) == Failure("body_truncated")
    assert read(root, "00000.tar/x/b.jpg", -1, 6) == Failure("image_missing")
    assert read(root, "sub/a.jpg", 0, 6) == Failure("image_missing")
    assert read_local_image(ImageReference("other", "sub/a.jpg", None, None), {"photos": str(root)}, 9) == Failure(
        "image_missing"
    )
