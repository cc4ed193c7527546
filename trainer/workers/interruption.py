"""Notices that a worker's machine will be taken away: what the loop saves for."""

import enum
import signal
from types import FrameType
from typing import Protocol

import torch
import torch.distributed as dist

from trainer.workers.distributed import World


class Notice(enum.IntEnum):
    """What the loop is asked to do, by urgency."""

    NONE = 0
    SAVE = 1
    """Write a checkpoint now and go on: who takes a machine away restarts the others."""
    STOP = 2
    """Write a checkpoint now and end, unfinished: the same command goes on."""


class Interruption(Protocol):
    """Who is told of notices."""

    def asked(self) -> Notice:
        """Return the latest notice that was not returned yet.

        All workers call it after the same steps, and all get the same answer.
        """


class NoInterruption:
    """Nobody gives notice."""

    def asked(self) -> Notice:
        return Notice.NONE


def agreed(world: World, told: bool) -> bool:
    """Return whether any worker was told; all call it after the same step."""
    if world.size == 1:  # alone it asks no device, which the host would wait for
        return told
    found = torch.tensor(int(told), device=world.device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return bool(found)


class TermSignal:
    """Whether this process got SIGTERM. Made in the main thread; a second one ends the process as it would have."""

    def __init__(self) -> None:
        self.told = False
        self._before = signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.told = True
        signal.signal(signal.SIGTERM, self._before)

    def close(self) -> None:
        """Give SIGTERM back to whoever had it."""
        signal.signal(signal.SIGTERM, self._before)


class SignalInterruption:
    """SIGTERM to any worker, as `torchrun` and Slurm send it ahead of the end, asks all of them to save and stop."""

    def __init__(self, world: World) -> None:
        self._world, self._signal = world, TermSignal()
        self.stopped = False
        """Whether the loop was asked to stop."""

    def asked(self) -> Notice:
        self.stopped = agreed(self._world, self._signal.told)
        return Notice.STOP if self.stopped else Notice.NONE

    def close(self) -> None:
        """Give SIGTERM back to whoever had it."""
        self._signal.close()
