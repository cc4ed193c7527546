"""One worker is killed, once, when there is a checkpoint to go on from."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.demo.killing import WORKER_TITLE, one_worker_killed, workers_below
from tests.demo.outcome import read_killed
from tests.support.waiting import PATIENCE_S, wait_until


@pytest.fixture
def workers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes below this one that are titled as Ray titles its workers, and one that is not."""
    sleep = "import time; time.sleep(86_400)"
    titles = [f"{WORKER_TITLE}.run", f"{WORKER_TITLE}.run", "ray::IDLE"]
    started = [subprocess.Popen([title, "-c", sleep], executable=sys.executable) for title in titles]
    wait_until(lambda: len(workers_below(os.getpid())) == 2, "two workers")
    yield started
    for process in started:
        process.kill()
        process.wait()


def save_checkpoint(training: Path) -> None:
    state = training / "checkpoints" / "step-0000100" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")


def running(workers: list[subprocess.Popen[bytes]]) -> int:
    return sum(process.poll() is None for process in workers)


def test_one_worker_is_killed_once_a_checkpoint_is_there(
    tmp_path: Path, workers: list[subprocess.Popen[bytes]]
) -> None:
    written = io.StringIO()
    with one_worker_killed(os.getpid(), tmp_path / "training", Console(file=written)):
        assert read_killed(tmp_path) is None
        save_checkpoint(tmp_path / "training")
        wait_until(lambda: read_killed(tmp_path) is not None, "a killed worker")
        wait_until(lambda: running(workers) == 2, "its end")
    assert workers[2].poll() is None
    assert "killed one of 2 workers, after step-0000100" in written.getvalue()
    assert read_killed(tmp_path) == "step-0000100"

    with one_worker_killed(os.getpid(), tmp_path / "training", Console(file=written)):
        pass
    assert running(workers) == 2


def test_nothing_is_killed_before_a_checkpoint(tmp_path: Path, workers: list[subprocess.Popen[bytes]]) -> None:
    with one_worker_killed(os.getpid(), tmp_path / "training", Console(file=io.StringIO())):
        pass
    assert running(workers) == 3
    assert read_killed(tmp_path) is None


def test_a_cluster_that_ended_has_no_workers() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(PATIENCE_S)
    assert workers_below(gone.pid) == []
