"""Where the notes of a model's files stand, and that a file is compared with them."""

import hashlib
from pathlib import Path

import pytest

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.saving.written_files import WrittenFiles, read_state, written_files

SHA256 = hashlib.sha256(b"weights").hexdigest()
STATE = {"version": 1, "identity": "x", "step": 7, "samples": 56, "replaced": 0, "files": {"m": [7, SHA256]}}


def test_a_file_is_compared_with_its_note_and_one_without_is_taken(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("m", b"weights")
    notes = WrittenFiles({"m": SHA256}, "state.json", "restore it")
    assert notes.read(folder, "m") == b"weights"
    notes.check("/a/n", "n", b"anything")
    folder.write("m", b"weightz")
    with pytest.raises(ValueError, match=r"/m: its SHA-256 is not the one that state\.json holds, .*; restore it"):
        notes.read(folder, "m")


def test_a_checkpoint_notes_them_in_its_state(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write_json("state.json", STATE)
    body, notes = read_state(folder, 1)
    assert body == STATE
    assert notes.sha256 == written_files(folder).sha256 == {"m": SHA256}
    with pytest.raises(ValueError, match="state version 1, this program resumes 2"):
        read_state(folder, 2)


def test_a_state_that_lacks_something_is_told(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write_json("state.json", {name: value for name, value in STATE.items() if name != "samples"})
    with pytest.raises(ValueError, match=r"state\.json: .*samples"):
        read_state(folder, 1)


def test_a_finished_run_notes_them_in_its_list_of_files(tmp_path: Path) -> None:
    run = Folder(str(tmp_path / "run"))
    record = RunRecord(command="trainer", config={})
    start_run(run, record)
    files = [run.write("final/m", b"weights")]
    assert written_files(run.sub("final")).sha256 == {}, "the run is not finished"
    write_manifest(run, "checkpoint", files, rows=1, identity=record.identity, summary={})
    assert written_files(run.sub("final")).sha256 == {"m": SHA256}


def test_a_model_that_was_copied_alone_has_no_notes(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert written_files(Folder(str(tmp_path / "model"))).sha256 == {}
