"""How far the reading of videos is: a bar a video on a terminal, with the rate, and the line for the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.printable import printable


class Progress:
    """Counts seconds of video; `told` says how fast they were read."""

    def __init__(self) -> None:
        self._video_s, self._spent_s = 0.0, 0.0

    @property
    def told(self) -> str:
        if not self._video_s:
            return ""
        rate = self._video_s / max(self._spent_s, 1e-9)
        return f"; {self._video_s:,.0f} s of video in {self._spent_s:.1f} s, {rate:,.0f} times as fast as it plays"

    @contextmanager
    def of(self, path: str) -> Iterator[Callable[[float, float | None], None]]:
        """Show a bar; what is yielded takes where the video is, of how many seconds."""
        from tqdm import tqdm

        start, reached_s = time.perf_counter(), 0.0
        with tqdm(unit=" s", unit_scale=True, desc=printable(Path(path).name)[:40], disable=None) as bar:

            def heard(time_s: float, told_s: float | None) -> None:
                nonlocal reached_s
                if bar.total is None and told_s is not None:
                    bar.total = round(told_s, 1)
                if time_s > reached_s:
                    bar.update(round(time_s - reached_s, 3))
                    reached_s = time_s

            yield heard
        self._video_s += reached_s
        self._spent_s += time.perf_counter() - start
