"""Which files are taken for videos."""

from pathlib import Path

import pytest

from trainer.video.files import list_videos


def test_folders_are_looked_through_and_each_file_stands_once(tmp_path: Path) -> None:
    for name in ("b/z.MP4", "b/a.webm", "c.mkv", "b/.hidden.mp4", "b/notes.txt", "b/list.m3u8", "odd.bin"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    found = list_videos([str(tmp_path / "odd.bin"), str(tmp_path), str(tmp_path / "c.mkv")])
    assert [str(Path(path).relative_to(tmp_path)) for path in found] == ["odd.bin", "b/a.webm", "b/z.MP4", "c.mkv"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"VIDEO: no such file or folder '.*/absent\.mp4'"):
        list_videos([str(tmp_path / "absent.mp4")])
    with pytest.raises(FileNotFoundError, match=r"VIDEO: none below .*; expected one of \.mp4, "):
        list_videos([str(tmp_path)])
