"""What collect's shuffle takes on Beam's local runner, beside what was told before it: memory and disk.

Run by `make bench BENCH=shuffle` (1 and 10 million pairs, two processes; 12 GB of disk), or with other numbers of
millions: ``python -m tests.bench.bench_shuffle 1 4``. Memory is that of the launcher and its workers together while the
job runs, less what the launcher had before; a page that two of them share counts half in each.
"""

import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from pipeline.collect import job
from pipeline.collect.config import CollectConfig
from pipeline.shuffle.estimate import ShuffleEstimate
from pipeline.shuffle.exchange import EXCHANGE
from tests.bench.bench_collect import TWO_PROCESSES, captions, queries, write_pairs
from tests.bench.process_tree import _memory, _tree
from tests.conftest import write_queries

POLL_S = 1.0


class Watch:
    """The most memory of this process and its children, and the most disk of a folder, while a block runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.memory = self.disk = 0

    def _look(self) -> None:
        while not self._over.wait(POLL_S):
            self.memory = max(self.memory, sum(map(_memory, _tree(os.getpid()))))
            self.disk = max(self.disk, sum(path.stat().st_size for path in self._folder.rglob("*.arrow")))

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def bench(folder: Path, texts: list[str], millions: int) -> None:
    found = write_pairs(folder / "in", texts, millions * 1_000_000)
    output = folder / "candidates"
    estimates: list[ShuffleEstimate] = []
    check = job.check_room

    def keep(name: str, estimate: ShuffleEstimate, *rest: Any) -> None:
        estimates.append(estimate)
        check(name, estimate, *rest)

    job.check_room = keep  # type: ignore[assignment]
    before = _memory(os.getpid())
    with Watch(output / EXCHANGE) as watch:
        job.run_collect(
            CollectConfig(input=found, queries=f"{folder}/queries", output=str(output)), TWO_PROCESSES
        )  # fmt: skip
    job.check_room = check
    told = estimates[0]
    memory = watch.memory - before
    print(
        f"bench shuffle {millions} million: memory {memory / 1e6:,.0f} MB, told {told.peak_bytes / 1e6:,.0f} MB, ratio "
        f"{told.peak_bytes / memory:.2f}; disk {watch.disk / 1e6:,.0f} MB, told {told.shuffled_bytes / 1e6:,.0f} MB, "
        f"ratio {told.shuffled_bytes / max(1, watch.disk):.2f}; {told.tables:,} tables; wanted 0.5 to 2",
        flush=True,
    )
    shutil.rmtree(folder / "in")
    shutil.rmtree(output)


def main() -> None:
    texts = captions()
    folder = Path(tempfile.mkdtemp(prefix="bench-shuffle-"))
    try:
        write_queries(folder / "queries", queries(texts))
        for millions in [int(size) for size in sys.argv[1:]] or [1, 10]:
            bench(folder, texts, millions)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
