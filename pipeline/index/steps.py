"""The one step of the job on Beam: tars in, a row of the index for each in the work folder, counters out."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from schemas.shard_index import row_to_json
from schemas.storage import Folder
from schemas.tar_index import TarToIndex, tar_row
from schemas.units import Unit, commit_unit, read_unit

NAMESPACE = "index"
TARS, SAMPLES, BYTES = "index_tars", "index_samples", "index_bytes"

UNITS, UNIT_SUFFIX = "units", ".json"
"""In the work folder: ``units/00000.tar.json`` holds the row of ``00000.tar``, or why it has none."""

MARK, REFUSED = "mark", "refused"
"""Keys of a commit beside those of the row."""

TARS_AT_ONCE = 4
"""Per bundle: one is waited for, others are read; the kernel gives up Python's lock."""


def unit_name(tar: str) -> str:
    """Return the name of the commit of a tar."""
    return f"{UNITS}/{tar}{UNIT_SUFFIX}"


class IndexTars(beam.DoFn):
    """Indexes each tar and commits its row."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._open: deque[Future[tuple[int, int]]] = deque()

    def setup(self) -> None:
        self._threads = ThreadPoolExecutor(TARS_AT_ONCE, thread_name_prefix="index")

    def start_bundle(self) -> None:
        self._open = deque()

    def process(self, tar: TarToIndex) -> Iterator[None]:
        self._open.append(self._threads.submit(index_tar, tar, self._work))
        while len(self._open) >= 2 * TARS_AT_ONCE:
            self._count_next()
        return iter(())

    def finish_bundle(self) -> None:
        while self._open:
            self._count_next()

    def teardown(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _count_next(self) -> None:
        samples, num_bytes = self._open.popleft().result()
        Metrics.counter(NAMESPACE, TARS).inc()
        Metrics.counter(NAMESPACE, SAMPLES).inc(samples)
        Metrics.counter(NAMESPACE, BYTES).inc(num_bytes)


def index_tar(tar: TarToIndex, work: str) -> tuple[int, int]:
    """Commit the row of a tar, or why it has none, unless another attempt did; return its samples and bytes."""
    folder = Folder(work)
    unit = made_unit(folder, tar)
    if unit is None:
        unit = commit_unit(folder, unit_name(tar.name), [], {MARK: tar.mark, **_row(tar)})
    body = unit.body
    return (0, 0) if REFUSED in body else (body.count("samples"), body.count("tar_bytes"))


def _row(tar: TarToIndex) -> dict[str, Any]:
    try:
        return row_to_json(tar_row(tar, Folder(tar.folder)))
    except ValueError as error:  # what is wrong with the tar or its sidecars
        return {REFUSED: str(error)}


def made_unit(work: Folder, tar: TarToIndex) -> Unit | None:
    """Return the commit of a tar, None where there is none of it as it is now."""
    unit = read_unit(work, unit_name(tar.name))
    return unit if unit is not None and unit.body.get(MARK) == tar.mark else None
