"""One attempt of a run in processes of its own: a launcher, and the workers that it starts and that take the steps.

Batches are taken in step, as a model's are, by messages in place of its collectives; after a step the launcher may have
the first worker save the state, as the training loop does. A worker that dies ends the others, as Ray and torchrun have
it; workers whose launcher died end by themselves. What a worker saw it logs: its step, and of each row the id and a
checksum of pixels and caption.
"""

import json
import os
import shutil
import signal
import threading
import traceback
import zlib
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.support.process_tree import children
from tests.support.resumption.data_sets import open_loader
from tests.support.resumption.schedule import Attempt, Moment, Run
from trainer.data.batch import Batch

STATE = "state.json"
CACHE = "cache"
BLOCKS = "blocks"
"""The folder for blocks that come over a network; nothing may be left in it."""
ERRORS = "errors.txt"
WORKER_DIED = 3


def rows_seen(batch: Batch) -> list[tuple[int, int]]:
    """Return (id, checksum of pixels and caption) of each row."""
    return [
        (int(name), zlib.crc32(caption.encode(), zlib.crc32(image.tobytes())))
        for name, caption, image in zip(batch.ids, batch.captions, batch.images_b3PP.numpy(), strict=True)
    ]


def log_name(number: int, rank: int) -> str:
    return f"seen-{number}-{rank}.jsonl"


def processes_name(number: int, rank: int) -> str:
    """Return the file with the ids of a worker's loader processes."""
    return f"processes-{number}-{rank}.json"


def loader_error_name(number: int) -> str:
    """Return the file that says why workers ended whose loader process was killed."""
    return f"loader-error-{number}.txt"


def launch(number: int, run: Run, attempt: Attempt, paths: list[str], folder: Path, lives: Connection) -> None:
    """Start the workers, lead them to the end, and leave with 0, or with `WORKER_DIED`.

    `lives` is held by all the processes: it is closed when the last has ended.
    """
    pipes: list[Connection] = []
    workers: list[int] = []
    for rank in range(attempt.workers):
        own, others = _pipe()
        process = os.fork()
        if process == 0:
            for pipe in (*pipes, own):
                pipe.close()  # else no worker sees that the launcher is gone
            _work(rank, number, run, attempt, paths, folder, others)
        others.close()
        pipes.append(own)
        workers.append(process)
    try:
        _lead(run, attempt, folder, pipes)
    except (EOFError, OSError):
        for process in workers:
            os.kill(process, signal.SIGKILL)
        os._exit(WORKER_DIED)
    for process in workers:
        os.waitpid(process, 0)
    os._exit(0)


def _pipe() -> tuple[Connection, Connection]:
    from multiprocessing import Pipe

    return Pipe()


def _lead(run: Run, attempt: Attempt, folder: Path, pipes: list[Connection]) -> None:
    """Take the steps. Raises EOFError or OSError when a worker is gone."""
    while True:
        steps = {pipe.recv() for pipe in pipes}
        assert len(steps) == 1, steps
        step = steps.pop()
        if step == run.num_steps:
            return
        kills = attempt.victim in ("launcher", "cache") and step >= attempt.step
        if kills and attempt.victim == "cache":
            shutil.rmtree(folder / CACHE, ignore_errors=True)
        elif kills and attempt.moment != "saved":
            os.kill(os.getpid(), signal.SIGKILL)
        if attempt.saves(step):
            pipes[0].send("save")
            pipes[0].recv()
        if kills and attempt.victim == "launcher":
            os.kill(os.getpid(), signal.SIGKILL)
        for pipe in pipes:
            pipe.send("go")
        if step == run.num_steps - 1:
            return


def _work(
    rank: int, number: int, run: Run, attempt: Attempt, paths: list[str], folder: Path, launcher: Connection
) -> None:
    """Be a worker; never return."""
    try:
        os.environ["XDG_CACHE_HOME"] = str(folder / CACHE)
        _take_steps(rank, number, run, attempt, paths, folder, launcher)
    except ChildProcessError as error:
        with (folder / loader_error_name(number)).open("a") as sink:
            sink.write(f"{error}\n")
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException:
        _tell(folder)
    os._exit(0)


def _tell(folder: Path) -> None:
    with (folder / ERRORS).open("a") as sink:
        sink.write(traceback.format_exc())


def _take_steps(
    rank: int, number: int, run: Run, attempt: Attempt, paths: list[str], folder: Path, launcher: Connection
) -> None:
    _killed(attempt, rank, run.num_steps, "starting")
    loader = open_loader(
        run.data, paths, batch_size=run.batch_size, samples=run.num_steps * run.batch_size, seed=run.seed, rank=rank,
        world_size=attempt.workers, decode_threads=attempt.decode_threads, read_ahead_bytes=attempt.read_ahead_bytes,
        loader_processes=attempt.loader_processes, cache_dir=str(folder / BLOCKS),
    )  # fmt: skip
    if (folder / STATE).exists():
        loader.load_state_dict(json.loads((folder / STATE).read_text()))
    elif attempt.save_at == 0 and rank == 0:
        _save(folder, loader.state_dict(), attempt, -1)
    step = run.num_steps - len(loader)
    if step == run.num_steps:  # all was saved, and nobody told
        launcher.send(step)
        return
    with (folder / log_name(number, rank)).open("w") as log:
        for batch in loader:
            if attempt.loader_processes:
                (folder / processes_name(number, rank)).write_text(json.dumps(children(os.getpid())))
            _killed(attempt, rank, step, "before")
            _killed(attempt, rank, step, "soon")
            log.write(json.dumps([step, rows_seen(batch)]) + "\n")
            log.flush()
            _killed(attempt, rank, step, "after")
            launcher.send(step)
            while (order := launcher.recv()) == "save":
                _save(folder, loader.state_dict(), attempt, step)
                launcher.send("saved")
            assert order == "go"
            step += 1


def _save(folder: Path, state: dict[str, Any], attempt: Attempt, step: int) -> None:
    """Write the state so that it is there whole or not at all; `saving` and `saved` kill the first worker."""
    text, half = json.dumps(state), folder / "state.half"
    half.write_text(text[: len(text) // 2])
    _killed(attempt, attempt.rank, step, "saving")
    half.write_text(text)
    os.replace(half, folder / STATE)
    _killed(attempt, attempt.rank, step, "saved")


def _killed(attempt: Attempt, rank: int, step: int, moment: Moment) -> None:
    """Kill this process, or one of its loader processes, where the attempt says so."""
    if attempt.victim not in ("worker", "loader") or (rank, moment) != (attempt.rank, attempt.moment):
        return
    if step < attempt.step:
        return
    victim = os.getpid()
    if attempt.victim == "loader":
        loaders = children(victim)
        if not loaders:
            return
        victim = loaders[step % len(loaders)]
    if moment in ("soon", "starting"):
        threading.Timer(attempt.delay_s, _kill, (victim,)).start()
    else:
        _kill(victim)


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
