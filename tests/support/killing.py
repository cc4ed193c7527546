"""A command that is killed at a moment of its progress, as a machine that fails would."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.support.process_tree import descendants, wait_until_gone
from tests.support.waiting import PATIENCE_S, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]


def run_to_end(command: list[str]) -> None:
    """Run `command` undisturbed. Raises AssertionError with what it says when it fails."""
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-3000:]


def killed_at(command: list[str], output: Path, num_files: float, then_s: float) -> bool:
    """Run `command` until `output` holds more than `num_files` files, then kill it and all its processes.

    The progress decides, so how fast the machine is does not matter; `then_s` only keeps the moment from being always
    right after a file was written. Returns false where the command had ended before.
    """
    with subprocess.Popen(
        command, cwd=REPOSITORY, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: process.poll() is not None or _count_files(output) > num_files, f"files in {output}")
        time.sleep(then_s)
        if process.poll() is not None:
            return False
        processes = [process.pid, *descendants(process.pid)]
        os.killpg(process.pid, signal.SIGKILL)
        wait_until_gone(processes)
        return True


def _count_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))  # a folder may go while it is looked at
