"""Made by one process, waited for by the others; taken over from one that was killed; never waited for without end."""

import multiprocessing
import os
import signal
import time
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest

from schemas.storage import Folder
from tests.support.waiting import PATIENCE_S, wait_until
from trainer.data import made_once
from trainer.data.made_once import PROGRESS_FILE, CannotBeKept, make_once
from trainer.telling.reporter import Reporter, Silent

FORK = multiprocessing.get_context("fork")


def make_slowly(path: str, name: str, go: str) -> None:
    folder = Folder(path)

    def make(shown: Reporter) -> None:
        folder.write(name, b"")
        while not Path(go).exists():
            time.sleep(0.01)
        folder.write("last", name.encode())

    make_once(folder, "last", make, Silent())


def start(folder: Path, name: str, go: Path) -> ForkProcess:
    process = FORK.Process(target=make_slowly, args=(str(folder), name, str(go)))
    process.start()
    return process


def exit_code(process: ForkProcess) -> int | None:
    process.join(PATIENCE_S)
    return process.exitcode


def test_one_makes_it_and_the_others_have_it(tmp_path: Path) -> None:
    folder, go = tmp_path / "made", tmp_path / "go"
    started = [start(folder, f"by-{number}", go) for number in range(3)]
    wait_until(lambda: list(folder.glob("by-*")), "a maker")
    go.touch()
    assert [exit_code(process) for process in started] == [0, 0, 0]
    (maker,) = folder.glob("by-*")
    assert (folder / "last").read_text() == maker.name
    assert sorted(path.name for path in folder.iterdir()) == sorted([maker.name, "last"])


def test_what_a_killed_process_began_the_next_one_makes(tmp_path: Path) -> None:
    folder, go = tmp_path / "made", tmp_path / "go"
    killed = start(folder, "first", go)
    wait_until((folder / "first").exists, "the first maker")
    second = start(folder, "second", go)
    killed.kill()
    assert exit_code(killed) == -signal.SIGKILL
    go.touch()
    assert exit_code(second) == 0
    assert (folder / "last").read_text() == "second"


def test_one_without_progress_is_named_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, go = tmp_path / "made", tmp_path / "go"
    process = start(folder, "first", go)
    try:
        wait_until((folder / "first").exists, "the maker")
        monkeypatch.setattr(made_once, "STALLED_S", 0.0)
        with pytest.raises(TimeoutError, match=rf"made: made by another process \(process {process.pid}\), without"):
            make_once(Folder(str(folder)), "last", fails, Silent())
    finally:
        go.touch()
        assert exit_code(process) == 0


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("last", b"")
    make_once(folder, "last", fails, Silent())


def test_a_maker_that_fails_leaves_it_to_the_next(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "made"))
    with pytest.raises(ValueError, match="asked for nothing"):
        make_once(folder, "last", fails, Silent())
    make_once(folder, "last", lambda shown: folder.write("last", b""), Silent())
    assert folder.exists("last")


def test_notes_tell_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_once, "NOTE_EVERY_S", 0.0)
    folder, notes = Folder(str(tmp_path / "made")), []

    def make(shown: Reporter) -> None:
        shown.work("index", 5, 10)
        notes.append((tmp_path / "made" / PROGRESS_FILE).read_text())

    make_once(folder, "last", make, Silent())
    assert notes == [f"process {os.getpid()}: index, 5 of 10 bytes"]


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotBeKept, match=r"file/made cannot be made: Not a directory"):
        make_once(Folder(str(tmp_path / "file" / "made")), "last", fails, Silent())


def fails(shown: Reporter) -> None:
    raise ValueError("asked for nothing")
