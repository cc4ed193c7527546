"""Parts of files: read by several threads, named in errors, safe when the file is cut under the reader."""

import os
import re
from pathlib import Path

import pytest

from schemas.file_part import FilePart, OpenFile
from schemas.tar_contents import read_contents
from tests.support.file_parts import part_of
from tests.unit.schemas.test_tar_contents import sample, tar_of


def test_a_part_is_numbered_from_its_beginning() -> None:
    part = part_of(b"0123456789", before=b"abc")
    assert [part.read(*asked).tobytes() for asked in ((2, 3), (8, 5), (10, 1))] == [b"234", b"89", b""]
    assert part.between(4, 6).read(0, 9).tobytes() == b"45"
    assert part.between(4, 99).read(0, 9).tobytes() == b"456789"


def test_a_part_is_a_file_of_its_own() -> None:
    stream = part_of(b"0123456789", before=b"abc").stream()
    assert stream.seek(0, os.SEEK_END) == 10
    assert stream.seek(-4, os.SEEK_CUR) == 6
    assert (stream.read(2), stream.tell(), stream.read()) == (b"67", 8, b"89")


def test_a_file_is_open_as_long_as_a_part_of_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    file = OpenFile(tmp_path / "a")
    part = FilePart(file, 0, 10, "a").between(2, 4)
    del file
    assert part.read(0, 2).tobytes() == b"23"
    assert str(tmp_path / "a") in open_paths()
    del part
    assert str(tmp_path / "a") not in open_paths()


def open_paths() -> set[str]:
    """Return what this process has open."""
    return {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


@pytest.mark.parametrize("window", [True, False], ids=["in memory", "on disk"])
@pytest.mark.parametrize("left", [0, 600, 5_000])
def test_a_file_that_is_cut_under_its_reader_is_named(
    tmp_path: Path, left: int, window: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mapped, the same file ends the process by SIGBUS."""
    monkeypatch.setattr(FilePart, "is_in_memory", lambda self: window)
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of([member for number in range(20) for member in sample(number)]))
    part = FilePart(OpenFile(path), 0, path.stat().st_size, str(path))
    row = read_contents(part).samples[10]
    os.truncate(path, left)
    told = rf"^{re.escape(str(path))}: the file ends at byte \d+, {len(part)} were expected: it was cut"
    with pytest.raises(ValueError, match=told):
        part.read(int(row[0]), 1_000)
    with pytest.raises(ValueError, match=told):
        part.stream().read()
    with pytest.raises(ValueError, match=told):
        read_contents(part)


def test_a_disk_that_fails_is_named(tmp_path: Path) -> None:
    part = FilePart(OpenFile(os.open(tmp_path, os.O_RDONLY)), 0, 10, "b.tar")  # a folder gives no bytes
    with pytest.raises(OSError, match=r"^b\.tar: cannot be read: \[Errno 21\] Is a directory"):
        part.read(0, 10)


def test_what_was_just_written_is_in_memory_and_what_is_not_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100_000))
    part = FilePart(OpenFile(tmp_path / "a"), 0, 100_000, "a")
    part.want()
    assert not FilePart(OpenFile(tmp_path / "a"), 200_000, 300_000, "a").is_in_memory()
    assert part.is_in_memory() or not tells(tmp_path)


def tells(folder: Path) -> bool:
    """Whether the file system of `folder` tells what it has in memory."""
    with (folder / "probe").open("w+b") as probe:
        probe.write(b"x")
        probe.flush()
        try:
            return os.preadv(probe.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        except OSError:
            return False
