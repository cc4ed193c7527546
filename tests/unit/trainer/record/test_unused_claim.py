"""A claim that kept nothing is taken over by a run of other options; one that kept something, or is at work, is not."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.run_record import FolderConflict, RunRecord, start_run
from schemas.storage import Folder
from trainer.record.unused_claim import free_unused

COMMAND = "trainer run"
ONE, OTHER = (RunRecord(command=COMMAND, config={"seed": seed}) for seed in (1, 2))
ROOT = Path(__file__).parents[4]


def ended(tmp_path: Path, *names: str, record: RunRecord = ONE) -> Folder:
    """Return the folder of a run that claimed it, wrote `names` and ended."""
    assert start_run(Folder(str(tmp_path)), record)
    for name in names:
        Folder(str(tmp_path)).write(name, b"")
    return Folder(str(tmp_path))


def claim(folder: Folder, record: RunRecord) -> bool:
    free_unused(folder, record.command, record.identity)
    return start_run(folder, record)


def test_a_claim_that_kept_nothing_is_taken_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = ended(tmp_path, "shard_index/0.parquet", "tokenizer.json", "environment.json", "ray/a/b.json", ".tmp-1-x")
    with caplog.at_level(logging.WARNING):
        assert claim(folder, OTHER)
    assert folder.read_json("run.json")["identity"] == OTHER.identity
    assert {name for name in os.listdir(tmp_path) if not name.startswith(".tmp-")} == {"run.json"}
    assert f"{tmp_path}: a run of other options ended there before it kept anything" in caplog.text


@pytest.mark.parametrize("name", ["metrics.csv", "checkpoints/step-0000002/model.safetensors", "mine.txt", "final/x"])
def test_one_that_kept_something_is_not(tmp_path: Path, name: str) -> None:
    folder = ended(tmp_path, name, "tokenizer.json")
    with pytest.raises(FolderConflict, match="belongs to another run"):
        claim(folder, OTHER)
    assert folder.exists("tokenizer.json")
    assert folder.read_json("run.json")["identity"] == ONE.identity


def test_the_same_run_goes_on_with_what_is_there(tmp_path: Path) -> None:
    folder = ended(tmp_path, "tokenizer.json")
    assert claim(folder, ONE)
    assert folder.exists("tokenizer.json")


def test_the_claim_of_another_command_is_left_alone(tmp_path: Path) -> None:
    folder = ended(tmp_path, record=RunRecord(command="pipeline collect", config={}))
    with pytest.raises(FolderConflict, match="belongs to another run"):
        claim(folder, OTHER)


def test_one_at_work_keeps_its_claim(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom schemas.run_record import RunRecord, start_run\nfrom schemas.storage import Folder\n"
        "folder = Folder(sys.argv[1])\n"
        f"start_run(folder, RunRecord(command={COMMAND!r}, config={{'seed': 1}}))\nprint('claimed', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(FolderConflict, match="belongs to another run"):
            claim(Folder(str(tmp_path)), OTHER)
        other.stdin.close()
    assert claim(Folder(str(tmp_path)), OTHER)


def test_what_takes_over_holds_the_lock_until_it_has_claimed(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    free_unused(folder, COMMAND, OTHER.identity)
    program = "import sys\nfrom schemas.output_lock import lock_output\nlock_output(sys.argv[1])\n"
    tried = [sys.executable, "-c", program, str(tmp_path)]
    assert b"BlockingIOError" in subprocess.run(tried, cwd=ROOT, check=False, capture_output=True).stderr
    assert start_run(folder, OTHER)
