"""A schedule carried out in real processes, and what was seen compared with a run that nobody disturbs."""

import json
import multiprocessing
import re
import shutil
from collections.abc import Iterator
from functools import cache
from multiprocessing.context import BaseContext
from pathlib import Path

from tests.support.process_tree import wait_until_gone
from tests.support.resumption.data_sets import open_loader
from tests.support.resumption.processes import (
    BLOCKS,
    CACHE,
    ERRORS,
    STATE,
    WORKER_DIED,
    launch,
    loader_error_name,
    log_name,
    processes_name,
    rows_seen,
)
from tests.support.resumption.schedule import Attempt, Run, Schedule
from tests.support.waiting import PATIENCE_S

MAX_STATE_BYTES = 1_024
Seen = list[list[tuple[int, int]]]
"""Of each step its rows: (id, checksum)."""


@cache
def _context() -> BaseContext:
    """Return the way to start processes: forked from one that has imported all, and has no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.resumption.preloaded"])
    return context


def undisturbed(run: Run, paths: list[str]) -> Seen:
    """Return what one worker sees."""
    samples = run.num_steps * run.batch_size
    loader = open_loader(run.data, paths, batch_size=run.batch_size, samples=samples, seed=run.seed, decode_threads=1)
    return [rows_seen(batch) for batch in loader]


def carry_out(schedule: Schedule, paths: list[str], folder: Path) -> int:
    """Make the attempts, until one comes to the end; return how many were made.

    Raises AssertionError when one ends in a way that its schedule does not say, when it leaves processes or blocks
    behind, or a state is too large.
    """
    (folder / BLOCKS).mkdir(parents=True)
    for number, attempt in enumerate(schedule.attempts):
        if attempt.forgets:
            shutil.rmtree(folder / CACHE, ignore_errors=True)
        code = _made(number, schedule.run, attempt, paths, folder)
        errors = folder / ERRORS
        assert not errors.exists(), errors.read_text()
        expected = {"worker": WORKER_DIED, "loader": WORKER_DIED, "launcher": -9, "cache": 0, "nobody": 0}
        assert code in (0, expected[attempt.victim]), (number, attempt, code)
        _check_loaders(number, attempt, folder, code == WORKER_DIED)
        left = list((folder / BLOCKS).iterdir())
        assert len(left) <= 1, left  # killed workers leave their set's folder: whoever reads the set next takes it over
        state = folder / STATE
        assert not state.exists() or state.stat().st_size <= MAX_STATE_BYTES
        if code == 0:
            return number + 1
    raise AssertionError("the last attempt did not come to the end")


def _check_loaders(number: int, attempt: Attempt, folder: Path, died: bool) -> None:
    """Raise AssertionError when loader processes outlive their worker, or a killed one is not told of as such."""
    for rank in range(attempt.workers):
        path = folder / processes_name(number, rank)
        if path.exists() and (text := path.read_text()):  # empty: killed while it was written
            wait_until_gone(json.loads(text))
    if attempt.victim == "loader" and died:
        told = (folder / loader_error_name(number)).read_text()
        assert re.match(r"loader process \d of \d \(pid \d+\) was ended by SIGKILL; .*run the same command again", told)


def _made(number: int, run: Run, attempt: Attempt, paths: list[str], folder: Path) -> int | None:
    context = _context()
    watched, lives = context.Pipe(duplex=False)
    launcher = context.Process(target=launch, args=(number, run, attempt, paths, folder, lives))  # type: ignore[attr-defined]
    launcher.start()
    lives.close()
    launcher.join(PATIENCE_S)
    if watched.poll(PATIENCE_S):  # the end of the last worker, which may come after the launcher's
        watched.close()
        return launcher.exitcode
    raise AssertionError(f"attempt {number}: workers without a launcher do not end")


def differences(schedule: Schedule, num_attempts: int, folder: Path, whole: Seen) -> list[str]:
    """Return what the workers of all attempts saw otherwise than `whole`, and which steps nobody took.

    Steps taken again count where they were taken last; what was seen before is compared, too.
    """
    found: list[str] = []
    final: list[dict[int, tuple[int, int]]] = [{} for _ in whole]
    run = schedule.run
    for number, attempt in enumerate(schedule.attempts[:num_attempts]):
        seen = list(_seen(number, folder))
        first = min((step for _, step, _ in seen), default=run.num_steps)
        for taken_again in final[first:]:
            taken_again.clear()
        for rank, step, rows in seen:
            begin = rank * run.batch_size // attempt.workers
            for at, row in enumerate(rows, begin):
                final[step][at] = row
                if row != whole[step][at]:
                    found.append(f"attempt {number}, step {step}, row {at}: {row}, expected {whole[step][at]}")
    for step, (taken, expected) in enumerate(zip(final, whole, strict=True)):
        if sorted(taken) != list(range(len(expected))):
            found.append(f"step {step}: rows {sorted(taken)} of {len(expected)} were taken")
    return found


def _seen(number: int, folder: Path) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Yield rank, step and rows of an attempt; a line that was cut by a kill is no step."""
    for path in sorted(folder.glob(log_name(number, 0).replace("-0.jsonl", "-*.jsonl"))):
        rank = int(path.stem.rpartition("-")[2])
        for line in path.read_text().split("\n")[:-1]:
            step, rows = json.loads(line)
            yield rank, step, [(row[0], row[1]) for row in rows]
