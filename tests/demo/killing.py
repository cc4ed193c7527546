"""A worker that is killed while it trains: the demo shows that the training goes on."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from tests.support.process_tree import command_line, descendants

WORKER_TITLE = "ray::RayTrainWorker"
"""How the processes that train are titled by Ray."""
LOOK_EVERY_S = 0.2
KILLED_FILE = "killed-worker.json"
"""Beside the training: the last checkpoint before, so that a demo that goes on kills no second one."""


def workers_below(process: int) -> list[int]:
    """Return the training workers among the descendants of `process`."""
    return sorted(child for child in descendants(process) if "".join(command_line(child)[:1]).startswith(WORKER_TITLE))


@contextmanager
def one_worker_killed(head_pid: int, training: Path, console: Console) -> Iterator[None]:
    """While the block runs, kill one worker of the cluster of `head_pid` as soon as a checkpoint is in `training`."""
    ended = threading.Event()
    told = training.parent / KILLED_FILE

    def kill() -> None:
        while not ended.wait(LOOK_EVERY_S):
            saved = sorted(training.glob("checkpoints/step-*/state.json"))
            workers = workers_below(head_pid) if saved else []
            if workers:
                after = saved[-1].parent.name
                with suppress(ProcessLookupError):
                    os.kill(workers[-1], signal.SIGKILL)
                    console.print(f"[bold red]killed one of {len(workers)} workers[/], after {after} was saved")
                    told.write_text(json.dumps({"after": after, "workers": len(workers)}, indent=2) + "\n")
                return

    thread = threading.Thread(target=kill, daemon=True)
    if not told.exists():
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()
