"""Features made by Ray on this machine: the same bytes, also where a task is killed; faults are told as without it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.process_tree import NEEDS_PROC, command_line, descendants
from tests.support.small_model import write_small_model
from tests.support.small_shards import write_shards
from tests.support.waiting import PATIENCE_S, PATIENT_RAY, wait_until

pytestmark = [pytest.mark.slow, NEEDS_PROC]


def embed(root: Path, output: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", "embed", "--checkpoint", str(root / "model"), "--shards",
         str(root / "shards"), "--output", str(root / output), "--threads", "1", "--batch-size", "4", "--part-rows",
         "20", *options],
        env=os.environ | PATIENT_RAY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    kept = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if path.name != "run.json"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_small_model(tmp_path)
    write_shards(tmp_path / "shards", 600)
    return tmp_path


def test_two_tasks_of_which_one_is_killed_make_the_same_bytes(root: Path) -> None:
    alone = embed(root, "alone")
    assert alone.wait(PATIENCE_S) == 0, alone.stderr.read() if alone.stderr else ""
    shared = embed(root, "shared", "--num-workers", "2")
    parts = root / "shared" / "parts"
    killed = threading.Event()

    def tasks() -> list[int]:
        found = descendants(shared.pid)
        return [child for child in found if "".join(command_line(child)[:1]).startswith("ray::_embed_share")]

    wait_until(lambda: shared.poll() is not None or (any(parts.glob("*.json")) and tasks()), "a part")
    for task in tasks()[-1:]:
        os.kill(task, signal.SIGKILL)
        killed.set()
    out, err = shared.communicate(timeout=PATIENCE_S)
    assert shared.returncode == 0, err
    assert killed.is_set()
    assert "600 rows" in out
    assert files(root / "shared") == files(root / "alone")


def test_a_fault_of_the_input_is_one_line(root: Path) -> None:
    (root / "model" / "model.safetensors").write_bytes(b"")
    asked = embed(root, "broken", "--num-workers", "2")
    _, err = asked.communicate(timeout=PATIENCE_S)
    assert asked.returncode == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "model.safetensors" in err
