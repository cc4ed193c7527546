"""Block lists as files: what is an entry, and what is said of files that are none."""

from pathlib import Path

import pytest

from pipeline.filter.list_file import content_hashes, read_list


def test_entries_come_with_their_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff one \r\n\n# two\n\tthree # 3\n".encode())
    found = read_list(str(path), "word_block_lists")
    assert found.entries.to_pylist() == ["one", "three # 3"]
    assert found.lines.tolist() == [1, 4]


def test_files_that_are_no_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--word-block-lists .*none.txt: no such file"):
        read_list(str(tmp_path / "none.txt"), "word_block_lists")
    (tmp_path / "bytes").write_bytes(b"ab\xff")
    with pytest.raises(
        ValueError, match=r"--word-block-lists .*bytes: expected UTF-8 text, found byte 0xff at offset 2"
    ):
        read_list(str(tmp_path / "bytes"), "word_block_lists")


def test_identity_is_the_content(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("x")
    (tmp_path / "c").write_text("y")
    one, two, other = content_hashes(tuple(str(tmp_path / name) for name in "abc"), "word_block_lists")
    assert one == two != other
