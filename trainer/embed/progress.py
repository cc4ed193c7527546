"""How far an embedding is: a bar with the rate on a terminal, and the line for the end."""

import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

TELL_EVERY_S = 1.0
Tell = Callable[[int, int], object]
"""Takes rows that are done, and about how many there will be."""


class Progress:
    """Counts rows; `told` says how fast they were."""

    def __init__(self, total_rows: int, tell: Tell | None = None) -> None:
        """`total_rows` is about how many there will be. `tell` is called about once a second in place of the bar."""
        self._total, self._rows, self._start = total_rows, 0, time.perf_counter()
        self._tell, self._told_s = tell, self._start
        self.told = ""

    def __enter__(self) -> "Progress":
        is_shown = None if self._tell is None else True  # None: where stderr is a terminal
        self._bar = tqdm(total=self._total, unit=" rows", unit_scale=True, desc="embed", disable=is_shown)
        self._say()
        return self

    def add(self, rows: int) -> None:
        self._rows += rows
        self._bar.update(rows)
        if time.perf_counter() - self._told_s > TELL_EVERY_S:
            self._say()

    def _say(self) -> None:
        self._told_s = time.perf_counter()
        if self._tell is not None:
            self._tell(self._rows, self._total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        self._say()
        seconds = time.perf_counter() - self._start
        self.told = f"{self._rows:,} rows in {seconds:.0f} s, {self._rows / max(seconds, 1e-9):,.0f} rows/s"
