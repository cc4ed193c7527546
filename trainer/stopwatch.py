"""How fast the steps are, and how long they wait for data."""

import time


class Stopwatch:
    """Speed and waiting of the steps since the last lap."""

    def __init__(self) -> None:
        self._began_s = self._lap_s = self._asked_s = time.monotonic()
        self._waited_s = 0.0
        self.steps = 0

    def wait(self) -> None:
        """The loop begins to wait for data."""
        self._asked_s = time.monotonic()

    def go_on(self) -> None:
        """The data are there."""
        self._waited_s += time.monotonic() - self._asked_s

    def lap(self) -> None:
        """Begin to measure anew."""
        self._lap_s, self._waited_s, self.steps = time.monotonic(), 0.0, 0

    @property
    def steps_per_s(self) -> float:
        return self.steps / max(time.monotonic() - self._lap_s, 1e-9)

    @property
    def wait_share(self) -> float:
        return self._waited_s / max(time.monotonic() - self._lap_s, 1e-9)

    @property
    def total_s(self) -> float:
        """Seconds since the first step was asked for."""
        return max(time.monotonic() - self._began_s, 1e-9)
