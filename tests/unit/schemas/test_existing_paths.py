"""Questions about paths are answered for every text, file name or not."""

from pathlib import Path

import pytest

from schemas.existing_paths import exists, is_dir, is_file


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert (is_file(tmp_path / "a"), is_dir(tmp_path / "a"), exists(tmp_path / "a")) == (True, False, True)
    assert (is_file(str(tmp_path)), is_dir(str(tmp_path)), exists(str(tmp_path))) == (False, True, True)


@pytest.mark.parametrize(
    "text", ["absent", "a dog, " * 50, "folder/" * 1_000, "a\0b", "\ud800"],
    ids=["absent", "long-name", "long-path", "NUL", "surrogate"],
)  # fmt: skip
def test_what_is_no_name_is_not_there(text: str) -> None:
    assert not is_file(text)
    assert not is_dir(text)
    assert not exists(text)
