"""An output that is there whole or not at all."""

from pathlib import Path

import pytest

from trainer.export.output_folder import appearing, check_output


def test_it_appears_whole(tmp_path: Path) -> None:
    goal = tmp_path / "a" / "b"
    with appearing(goal) as folder:
        folder.write("x", b"1")
        assert not goal.exists()
    assert [path.name for path in goal.parent.iterdir()] == ["b"]
    assert (goal / "x").read_bytes() == b"1"
    assert goal.stat().st_mode & 0o777 == (tmp_path / "a").stat().st_mode & 0o777


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with appearing(check_output(str(tmp_path / "empty"))) as folder:
        folder.write("x", b"1")
    assert (tmp_path / "empty" / "x").exists()


def interrupted(goal: Path) -> None:
    with appearing(goal) as folder:
        folder.write("x", b"1")
        raise KeyboardInterrupt


def filled_meanwhile(goal: Path) -> None:
    with appearing(goal) as folder:
        folder.write("x", b"1")
        goal.mkdir()
        (goal / "theirs").write_text("kept")


def test_nothing_is_left_where_it_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_filled_meanwhile_is_kept(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    with pytest.raises(OSError, match="out"):
        filled_meanwhile(goal)
    assert (goal / "theirs").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_cannot_be_an_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        FileExistsError, match=r"--output: .* is a folder with files in it; expected an absent or empty"
    ):
        check_output(str(tmp_path))
    with pytest.raises(FileExistsError, match=r"--output: .*file is a file; expected an absent or empty folder"):
        check_output(str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"--output: expected a folder of this machine, .* found 'memory://x'"):
        check_output("memory://x")
