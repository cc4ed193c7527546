"""How far an embedding is: a bar with the rate on a terminal, and the line for the end."""

import time
from types import TracebackType


class Progress:
    """Counts rows; `told` says how fast they were."""

    def __init__(self, total_rows: int) -> None:
        """`total_rows` is about how many there will be."""
        self._total, self._rows, self._start = total_rows, 0, time.perf_counter()
        self.told = ""

    def __enter__(self) -> "Progress":
        from tqdm import tqdm

        self._bar = tqdm(total=self._total, unit=" rows", unit_scale=True, desc="embed", disable=None)
        return self

    def add(self, rows: int) -> None:
        self._rows += rows
        self._bar.update(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        seconds = time.perf_counter() - self._start
        self.told = f"{self._rows:,} rows in {seconds:.0f} s, {self._rows / max(seconds, 1e-9):,.0f} rows/s"
