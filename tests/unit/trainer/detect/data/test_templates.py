"""The prompts: seven by default, or a file's."""

from pathlib import Path

import pytest

from trainer.detect.data.templates import DEFAULT, find_templates


def test_there_are_seven_by_default_each_with_a_place() -> None:
    assert find_templates(None) == list(DEFAULT)
    assert len(set(DEFAULT)) == 7
    assert all("{}" in template for template in DEFAULT)


def test_a_file_is_taken_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a {}\n\nsome {}s\n")
    assert find_templates(str(tmp_path / "t.txt")) == ["a {}", "some {}s"]
    (tmp_path / "t.txt").write_text("a thing\n")
    with pytest.raises(ValueError, match=r"line 1: expected a prompt with \{\}"):
        find_templates(str(tmp_path / "t.txt"))
