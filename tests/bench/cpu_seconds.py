"""Processor time of a process with its children, also those that still run (Linux)."""

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Taken:
    """What a piece of work took, in seconds."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """Return the seconds of all threads of this process, of its ended children and of those multiprocessing began."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(_of_process(child.pid) for child in multiprocessing.active_children() if child.pid is not None)
    return time.process_time() + ended.ru_utime + ended.ru_stime + running


def _of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def taken_by(run: Callable[[], object]) -> Taken:
    """Run it. Children that it begins are still there at its end, or have been waited for."""
    start, cpu_start = time.perf_counter(), cpu_seconds()
    run()
    return Taken(time.perf_counter() - start, cpu_seconds() - cpu_start)
