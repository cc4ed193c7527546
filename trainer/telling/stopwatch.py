"""How fast the steps are, and how long they wait for data."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Lap:
    """Speed and waiting of the steps of a row."""

    seconds: float
    steps: int
    wait_share: float

    @property
    def steps_per_s(self) -> float:
        return self.steps / self.seconds


class Stopwatch:
    """Speed and waiting of the steps since the last lap."""

    def __init__(self) -> None:
        self._began_s = self._lap_s = time.monotonic()
        self._waited_s = 0.0
        self.steps = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time of the block is spent waiting for data."""
        asked_s = time.monotonic()
        yield
        self._waited_s += time.monotonic() - asked_s

    def leave_out(self, seconds: float) -> None:
        """Take no account of what was no training."""
        self._lap_s += seconds
        self._began_s += seconds

    def lap(self) -> Lap:
        """Return the lap that ends now, and begin to measure anew."""
        now_s = time.monotonic()
        passed_s = max(now_s - self._lap_s, 1e-9)
        lap = Lap(passed_s, self.steps, self._waited_s / passed_s)
        self._lap_s, self._waited_s, self.steps = now_s, 0.0, 0
        return lap

    @property
    def total_s(self) -> float:
        """Seconds since the first step was asked for."""
        return max(time.monotonic() - self._began_s, 1e-9)
