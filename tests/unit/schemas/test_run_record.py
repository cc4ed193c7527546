"""A folder is claimed by one run; another is refused with the difference."""

from pathlib import Path

import pytest

from schemas.manifest import write_manifest
from schemas.run_record import FolderConflict, RunRecord, start_run
from schemas.storage import Folder

RECORD = RunRecord(command="pipeline collect", config={"cap": 5, "deep": {"rule": "normalised"}})


def test_the_same_run_resumes_and_a_finished_one_is_told(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    assert start_run(folder, RECORD)
    assert start_run(folder, RECORD)
    write_manifest(folder, "candidates", [], rows=0, identity=RECORD.identity, summary={})
    assert not start_run(folder, RECORD)


def test_another_run_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    start_run(folder, RECORD)
    other = RunRecord(command="pipeline collect", config={"cap": 6, "deep": {"rule": "normalised"}})
    with pytest.raises(FolderConflict, match=r"config\.cap: 5 -> 6"):
        start_run(folder, other)


def test_a_folder_of_strange_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FolderConflict, match=r"mine\.txt"):
        start_run(Folder(str(tmp_path)), RECORD)
