"""What a cache keeps comes back whole or not at all."""

from pathlib import Path

from trainer.use.kept_file import keep, kept


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "below" / "a"
    assert kept(path) is None
    keep(path, b"features")
    assert kept(path) == b"features"


def test_what_is_damaged_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    keep(tmp_path / "a", b"features")
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-1])
    assert kept(tmp_path / "a") is None
    (tmp_path / "a").write_bytes(b"")
    assert kept(tmp_path / "a") is None


def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    keep(tmp_path / "file" / "a", b"features")
    assert kept(tmp_path / "file" / "a") is None
