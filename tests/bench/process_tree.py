"""Runs a command and measures it: seconds, and the peak memory of its processes together (Linux)."""

import contextlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 0.2
WATCHED_SHARE = 0.02
"""The kernel halts a process's page faults while it adds up its pages: of its time, no more than this."""

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """What one run of a command took."""

    seconds: float
    peak_bytes: int
    """Most memory of the process and its descendants at one time; a page that n of them share counts 1/n in each."""
    output: str = ""
    """What it printed."""


def measure(command: list[str], cores: Collection[int] | None = None) -> Measured:
    """Run `command` to its end, with all its processes held to `cores` if given.

    Raises RuntimeError with what it said when it fails.
    """
    # A child takes over the cores of the thread that starts it; no code runs between fork and exec.
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if cores is None else cores)
    try:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finally:
        os.sched_setaffinity(0, before)
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        taken = 0.0
        while not over.wait(max(INTERVAL_S, taken / WATCHED_SHARE)):
            begin = time.perf_counter()
            peak = max(peak, sum(map(_memory, _tree(process.pid))))
            taken = time.perf_counter() - begin

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - start
    over.set()
    watcher.join()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:4])} ... ended with {process.returncode}:\n{output[-2000:]}")
    return Measured(seconds, peak, output)


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:  # grows on the way
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        match = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        return int(match.group(1)) * 1024 if match else 0
    return 0
