"""A second launcher of one output is refused while the first is at work, and only then."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.manifest import write_manifest
from schemas.run_record import FolderConflict, RunRecord, start_run
from schemas.storage import Folder

RECORD = RunRecord(command="pipeline collect", config={"cap": 5})

OTHER = """
import sys
from schemas.run_record import FolderConflict, RunRecord, start_run
from schemas.storage import Folder
folder = Folder(sys.argv[1])
try:
    print(start_run(folder, RunRecord(command="pipeline collect", config={"cap": 5})), flush=True)
except FolderConflict as error:
    print(error, flush=True)
if len(sys.argv) > 2:
    sys.stdin.read()
"""


def other_process(path: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", OTHER, str(path)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_another_process_is_refused_until_this_one_is_done(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    assert start_run(folder, RECORD)
    assert f"{folder.url}: the same command is at work there in another process" in other_process(tmp_path / "out")
    assert start_run(Folder(folder.url), RECORD)  # the same process may
    assert pickle.loads(pickle.dumps(folder)).url == folder.url  # noqa: S301
    write_manifest(folder, "candidates", [], rows=0, identity=RECORD.identity, summary={})
    assert other_process(tmp_path / "out") == "False"


def test_a_folder_that_is_no_longer_used_is_free(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    assert start_run(folder, RECORD)
    del folder
    assert other_process(tmp_path / "out") == "True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_the_lock_goes_with_its_process_not_with_a_fork_of_it(tmp_path: Path) -> None:
    program = OTHER + "\nimport os\nif os.fork() == 0:\n    sys.stdin.read()\n    os._exit(0)\nos._exit(0)\n"
    ends, stays = os.pipe()
    done = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "out")], stdin=ends, stdout=subprocess.PIPE, text=True
    )
    assert done.wait() == 0
    os.close(ends)
    folder = Folder(str(tmp_path / "out"))
    assert start_run(folder, RECORD)
    os.close(stays)
    done.communicate()


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path / "out"), "waits"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with pytest.raises(FolderConflict, match="at work there in another process; wait until it has ended"):
        start_run(Folder(str(tmp_path / "out")), RECORD)
    process.kill()
    process.communicate()
    folder = Folder(str(tmp_path / "out"))
    assert start_run(folder, RECORD)


def test_a_folder_that_was_deleted_and_made_again_is_locked_again(tmp_path: Path) -> None:
    first = Folder(str(tmp_path / "out"))
    assert start_run(first, RECORD)
    (tmp_path / "out" / "run.json").unlink()
    (tmp_path / "out").rmdir()
    second = Folder(str(tmp_path / "out"))
    assert start_run(second, RECORD)
    assert "at work there" in other_process(tmp_path / "out")
