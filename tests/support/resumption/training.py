"""A whole training whose workers log which samples reached an update, and are killed where they are told to.

Run as a program by torchrun, or by itself to start Ray. In: `TOLD` in the environment (`Told` as JSON). Out: in the
folder `seen` a file for each worker that began: first [the step it begins at, its process], then a line for each
update, [step, first row, ids]. The product is as it is: the step of its loop is called inside one that logs.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.process_tree import children
from trainer.config import TrainConfig
from trainer.data.batch import Batch
from trainer.workers.distributed import World, join_world, leave_world, local_rows

TOLD = "WEBIMAGETEXT_TRAINING_TOLD"
LAUNCHER = "WEBIMAGETEXT_TRAINING_LAUNCHER"


@dataclass(frozen=True)
class Kill:
    """Who is killed by SIGKILL, and when; once, however often Ray starts the workers again."""

    victim: str
    """worker; loader: the first of its loader processes; launcher: torchrun, or who started Ray."""
    rank: int
    step: int
    moment: str
    """before the update of the step; after it; soon: `delay_s` after it, whatever is being done then."""
    delay_s: float = 0.0


@dataclass(frozen=True)
class Told:
    """What the workers of an attempt are told."""

    options: dict[str, Any]
    """Of `TrainConfig`."""
    seen: str
    kill: Kill | None = None

    @property
    def config(self) -> TrainConfig:
        return TrainConfig(**{**self.options, "shards": tuple(self.options["shards"])})

    def environment(self) -> dict[str, str]:
        """Return the environment of the processes."""
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, TOLD: json.dumps(asdict(self)), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def told() -> Told:
    """Return what the environment says."""
    body = json.loads(os.environ[TOLD])
    return Told(body["options"], body["seen"], Kill(**body["kill"]) if body["kill"] else None)


class _Log:
    """The updates of one worker."""

    def __init__(self, what: Told, world: World) -> None:
        self._what, self._world = what, world
        self._kill = what.kill if what.kill is not None and what.kill.rank == world.rank else None
        self.step = 0
        for number in range(1_000):
            with suppress(FileExistsError):
                self._sink = (Path(what.seen) / f"{world.rank}-{world.size}-{number}.jsonl").open("x")
                return
        raise AssertionError("a thousand starts")

    def begin(self, step: int) -> None:
        self.step = step
        self._write([step, os.getpid()])

    def update(self, batch: Batch, rows: int, update: Any) -> Any:
        """Make the update, and log it."""
        self.step += 1
        self._dies("before")
        found = update()
        self._write([self.step, local_rows(rows, self._world.rank, self._world.size)[0], batch.ids.tolist()])
        self._dies("after")
        self._dies("soon")
        return found

    def _write(self, line: Any) -> None:
        self._sink.write(json.dumps(line) + "\n")
        self._sink.flush()

    def _dies(self, moment: str) -> None:
        kill = self._kill
        if kill is None or kill.moment != moment or self.step < kill.step:
            return
        try:
            (Path(self._what.seen) / "killed").touch(exist_ok=False)
        except FileExistsError:
            return
        own, launcher = os.getpid(), int(os.environ.get(LAUNCHER, os.getppid()))
        victim = {"worker": own, "launcher": launcher}[kill.victim] if kill.victim != "loader" else children(own)[0]
        if moment == "soon":
            threading.Timer(kill.delay_s, os.kill, (victim, signal.SIGKILL)).start()
        else:
            os.kill(victim, signal.SIGKILL)


@contextmanager
def logged(what: Told, world: World) -> Iterator[None]:
    """Have the updates of the training inside logged."""
    from trainer import loop

    log = _Log(what, world)
    assemble, train_step = loop.assemble, loop.train_step

    def assemble_and_note(*arguments: Any, **options: Any) -> Any:
        run = assemble(*arguments, **options)
        log.begin(run.state.step)
        return run

    def train_step_and_note(*arguments: Any, **options: Any) -> Any:
        batch = next(value for value in (*arguments, *options.values()) if isinstance(value, Batch))
        rows = what.config.recipe.global_batch_size
        return log.update(batch, rows, lambda: train_step(*arguments, **options))

    with (
        mock.patch.object(loop, "assemble", assemble_and_note),
        mock.patch.object(loop, "train_step", train_step_and_note),
    ):
        yield


def train_worker(arguments: dict[str, Any]) -> None:
    """Be a worker of Ray's."""
    from trainer.workers import ray_worker

    config = arguments["config"]
    with logged(told(), join_world(use_gpu=config.device == "cuda")):
        ray_worker.train_worker(arguments)


def train_here(what: Told, world: World) -> None:
    """Train as one of torchrun's workers, or alone."""
    from trainer.loop import train
    from trainer.telling.reporter import Silent

    with logged(what, world):
        train(what.config, world, Silent())


def main() -> None:
    """Train under torchrun, or start Ray."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        world = join_world(use_gpu=False)
        train_here(told(), world)
        leave_world(world)
        return
    from trainer.workers.environment import prepare_environment

    os.environ[LAUNCHER] = str(os.getpid())
    prepare_environment()
    from tests.support.resumption.training import train_worker as worker  # by its name, not as __main__'s
    from trainer.workers import launch

    with mock.patch.object(launch, "train_worker", worker):
        launch.run(told().config)


if __name__ == "__main__":
    sys.exit(main())
