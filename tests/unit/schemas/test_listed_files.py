"""Named files as they are, folders by what is wanted in them: sorted, each once."""

from pathlib import Path

import pytest

from schemas.listed_files import list_files


def listed(*paths: Path) -> list[str]:
    return list_files(
        [str(path) for path in paths], lambda name: name.endswith(".a"), option="--in", none_found="nothing",
        suffixes=(".a", ".b"),
    )  # fmt: skip


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("2.a", "1.a", "deep/0.a", "notes.txt", "._1.a"):
        (tmp_path / name).write_bytes(b"")
    found = listed(tmp_path / "notes.txt", tmp_path, tmp_path / "1.a")
    assert [Path(path).relative_to(tmp_path).as_posix() for path in found] == ["notes.txt", "1.a", "2.a", "deep/0.a"]


def test_what_is_not_there_is_told_by_the_option(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--in: no such file or folder"):
        listed(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"--in: nothing below .*; expected one of \.a, \.b"):
        listed(tmp_path)
