"""A Ray worker, or the launcher, killed or told to end while training: the run goes on at the exact sample."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import ray  # brings psutil along
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.small_shards import write_shards
from tests.support.waiting import PATIENCE_S, wait_until
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.workers.stopped import STOPPED

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow
psutil = pytest.importorskip("psutil", reason=f"ray {ray.__version__} brings no psutil")


def start(
    directory: Path, output: str, *options: str, epochs: int = 40, every: int = 10, stderr: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "trainer" / "run.py"), "--shards", "shards", "--output", output, "--model",
         "rn-tiny", "--num-workers", "2", "--global-batch-size", "8", "--epochs", str(epochs),
         "--checkpoint-every-steps", str(every), *options],
        cwd=directory, stderr=stderr,
    )  # fmt: skip


def wait_for_checkpoint(folder: Folder, process: subprocess.Popen[bytes], after: int = 0) -> None:
    def found() -> bool:
        return any(step > after for step in find_checkpoints(folder))

    wait_until(lambda: process.poll() is not None or found(), f"a checkpoint after step {after}")
    assert process.poll() is None, f"ended with {process.returncode}"


def rows(output: Path) -> list[str]:
    """Return step, loss and learning rate of the curve: no clocks."""
    lines = [line.split(",") for line in (output / "metrics.csv").read_text().splitlines()]
    return [f"{line[0]} {line[3]} {line[5]}" for line in lines]


def test_killed_worker_and_killed_launcher_change_nothing(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    assert start(tmp_path, "whole").wait(PATIENCE_S) == 0

    folder = Folder(str(tmp_path / "killed"))
    first = start(tmp_path, "killed")
    wait_for_checkpoint(folder, first)
    workers = [
        child for child in psutil.Process(first.pid).children(recursive=True)
        if child.cmdline() and child.cmdline()[0].startswith("ray::RayTrainWorker")
    ]  # fmt: skip
    assert len(workers) == 2
    os.kill(workers[1].pid, signal.SIGKILL)
    wait_for_checkpoint(folder, first, after=max(find_checkpoints(folder)))
    first.kill()
    first.wait(PATIENCE_S)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    assert start(tmp_path, "killed").wait(PATIENCE_S) == 0

    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
    wanted, found = (load_file(tmp_path / name / "final" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


def test_sigterm_to_the_launcher_saves_what_was_learned(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    folder = Folder(str(tmp_path / "out"))
    endless = 1_000_000
    first = start(tmp_path, "out", epochs=endless, every=endless, stderr=subprocess.PIPE)
    curve = tmp_path / "out" / "metrics.csv"
    wait_until(lambda: first.poll() is not None or (curve.exists() and len(rows(tmp_path / "out")) > 1), "a row")
    assert find_checkpoints(folder) == []
    first.terminate()
    _, told = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == STOPPED, told.decode()
    (saved,) = find_checkpoints(folder)
    assert f"stopped by SIGTERM: a checkpoint of step {saved} is in " in told.decode()
    assert b"*** SIGTERM" not in told
    assert b"Traceback" not in told

    again = start(tmp_path, "out", "--stop-after-steps", "3", epochs=endless, every=endless)
    assert again.wait(PATIENCE_S) == 0
    assert max(find_checkpoints(folder)) == saved + 3
