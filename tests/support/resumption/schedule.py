"""When a run is killed, and on how many workers it goes on: drawn from a seed, the same on every machine.

attempt 0   3 workers, killed at step 5   attempt 1   7 workers, killed at step 9   attempt 2   1 worker, to the end
|---s---s-----X                               |--s---s----X                              |-----s-----s-----|
                                          begins at the last state saved (s)
"""

import random
from dataclasses import dataclass
from typing import Literal

Victim = Literal["worker", "launcher", "cache", "loader", "nobody"]
Moment = Literal["starting", "before", "after", "soon", "saving", "saved"]

MOMENTS: tuple[Moment, ...] = ("before", "after", "soon", "saving", "saved", "starting")
"""Of a kill: when a worker has the batch but did not take the step; after the step; a few milliseconds later, whatever
its threads do then; with half of the state written; with all of it written and nobody told; while the shards are
opened."""
LOADER_MOMENTS: tuple[Moment, ...] = ("before", "after", "soon")
"""Of a kill of a loader process."""
STEPS = ("first", "any", "end of an epoch", "across two epochs", "last")
MAX_WORKERS = 7
MAX_PROCESSES = 3
"""Loader processes of all workers of an attempt: each takes seconds to start."""


@dataclass(frozen=True)
class Run:
    """What is read, whatever happens."""

    data: str
    """Name of a data set (`tests/support/resumption/data_sets.py`)."""
    num_samples: int
    """Of which an epoch is made."""
    batch_size: int
    num_steps: int
    seed: int


@dataclass(frozen=True)
class Attempt:
    """A start of the run, and how it ends."""

    workers: int
    decode_threads: int
    loader_processes: int
    """Of each worker."""
    read_ahead_bytes: int
    save_every: int
    save_at: int
    """A state is saved after each step that leaves this remainder; with 0 before the first one, too."""
    victim: Victim
    """The cache is deleted while the run goes on; the others are killed by SIGKILL, of loader processes one alone."""
    rank: int
    moment: Moment
    step: int
    """The kill comes at this step, or at the first one of the attempt if that is later."""
    delay_s: float
    """Of `soon` and `starting`."""
    forgets: bool
    """The node begins with an empty cache."""

    def saves(self, step: int) -> bool:
        return step % self.save_every == self.save_at


@dataclass(frozen=True)
class Schedule:
    """A run and its attempts, of which nobody kills the last."""

    run: Run
    attempts: tuple[Attempt, ...]


def draw_schedule(seed: int, sizes: dict[str, int], *, by_processes: bool = False) -> Schedule:
    """Return schedule number `seed`; `sizes` are the data sets and how many samples each has.

    Data sets, moments and special steps take turns, so that every ten schedules have all of them. With `by_processes`
    the attempts have 0 to 3 loader processes, of which one is a victim in every other schedule at least.
    """
    rng = random.Random(seed)
    data = sorted(sizes)[seed % len(sizes)]
    samples = sizes[data]
    batch_size = rng.randint(1, 9) if samples < 20 else rng.randint(7, max(9, samples // 5))
    num_steps = max(6, min(30, round(samples * rng.uniform(1.2, 3.2) / batch_size)))
    run = Run(data, samples, batch_size, num_steps, rng.randint(0, 1 << 30))
    victims: list[Victim] = ["worker", "launcher", "worker", "cache"]
    if by_processes:
        victims = ["loader", "worker", "loader", "launcher"]
    attempts = []
    for number in range(rng.randint(1, 3)):
        victim = victims[(seed + number) % 4]
        moment = MOMENTS[(seed // 2 + number) % len(MOMENTS)]
        if victim == "loader":
            moment = LOADER_MOMENTS[seed // 2 % len(LOADER_MOMENTS)]
        step = _step(rng, run, STEPS[(seed // 3 + number) % len(STEPS)])
        attempts.append(_attempt(rng, run, victim, moment, step, by_processes))
    return Schedule(run, (*attempts, _attempt(rng, run, "nobody", "after", 0, by_processes)))


def _attempt(rng: random.Random, run: Run, victim: Victim, moment: Moment, step: int, by_processes: bool) -> Attempt:
    workers = rng.randint(1, min(MAX_PROCESSES if by_processes else MAX_WORKERS, run.batch_size))
    processes = rng.randint(victim == "loader", MAX_PROCESSES // workers) if by_processes else 0
    save_every = rng.randint(1, 5)
    return Attempt(
        workers=workers,
        decode_threads=rng.randint(1, 4),
        loader_processes=processes,
        read_ahead_bytes=rng.choice((0, 1 << 12, 1 << 20, 1 << 28)),
        save_every=save_every,
        save_at=rng.randrange(save_every),
        victim=victim,
        rank=rng.randrange(workers),
        moment=moment,
        step=step,
        delay_s=rng.choice((0.0, 0.001, 0.004, 0.016, 0.064)),
        forgets=rng.random() < 0.3,
    )


def _step(rng: random.Random, run: Run, kind: str) -> int:
    """Return a step of `kind`; an epoch ends with the last step that lies in it whole, or in the next one."""
    epochs = max(1, run.num_steps * run.batch_size // run.num_samples)
    end = rng.randint(1, epochs) * run.num_samples
    found = {
        "first": 0,
        "any": rng.randrange(run.num_steps),
        "end of an epoch": end // run.batch_size - 1,
        "across two epochs": end // run.batch_size,
        "last": run.num_steps - 1,
    }[kind]
    return min(max(found, 0), run.num_steps - 1)
