"""Batches of one worker: its rows of each global batch, decoded in the background.

By threads of the worker (`loading/rows_maker.py`), or by processes that write into memory which they share with it
(`loading/processes.py`); the batches are the same.
"""

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.batch import Batch
from trainer.data.data_set import DataSet
from trainer.data.loading.process import Setup
from trainer.data.loading.processes import LoaderProcesses, ring_shape
from trainer.data.loading.rows_maker import DEADLINE_S, MadeRows, RowsMaker, WorkerRows, steps_of
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.row_reader import RowReader

if TYPE_CHECKING:  # `tokenizers` is not among what a loader for others needs
    from trainer.tokenizer import CaptionTokenizer

__all__ = ["DEADLINE_S", "Batch", "Loader"]

PREFETCHED_BATCHES = 2
END_S = 0.5
"""So long the background has to end by itself before its requests are ended."""


class Loader:
    """Makes batches; what is in a batch depends on (seed, step, rows) and nothing else."""

    def __init__(
        self,
        data: DataSet,
        reader: RowReader,
        tokenizer: "CaptionTokenizer | None",
        *,
        decode_threads: int,
        read_ahead_bytes: int,
        cache_dir: str | None = None,
        processes: int = 0,
        pinned: bool = False,
    ) -> None:
        """Decode with `processes` processes, or in this one if 0; threads and bytes read ahead are those of all.

        With `pinned` the images lie in memory that CUDA copies from without waiting.
        """
        self._data = data
        self._reader = reader
        self._tokenizer = tokenizer
        self._parts = processes
        self._pinned = pinned
        share = max(1, processes)
        self._options: dict[str, Any] = {
            "decode_threads": -(-decode_threads // share),
            "read_ahead_bytes": read_ahead_bytes // share,
            "cache_dir": cache_dir,
        }
        self._maker: RowsMaker | None = None
        self._cache = BlockBytes(cache_dir, DEADLINE_S, data.set_name())
        """Keeps what is shared from now to `close`, also where others read it: its processes, in one pass each."""
        self.processes: LoaderProcesses | None = None
        """While batches are made by processes."""
        self._fetched = (0, 0)

    @property
    def fetched(self) -> tuple[int, int]:
        """(bytes, requests) that came over the network."""
        if self.processes is not None:
            return self.processes.fetched_bytes, self.processes.requests
        return (self._maker.bytes.fetched_bytes, self._maker.bytes.requests) if self._maker else self._fetched

    def batches(self, steps: Iterable[int], batch_size: int, first: int, last: int) -> Generator[Batch, None, None]:
        """Yield rows `first` .. `last` - 1 of each global batch in order; an error of the background is raised here."""
        wanted = WorkerRows(steps_of(steps), batch_size, first, last)
        with closing(self._by_processes(wanted) if self._parts else self._by_threads(wanted)) as batches:
            for step in wanted.steps:
                yield replace(next(batches), first_place=step * batch_size + first)  # none is held here

    def _by_processes(self, wanted: WorkerRows) -> Generator[Batch, None, None]:
        context_length = self._tokenizer.context_length if self._tokenizer is not None else 0
        shape = ring_shape(wanted.last - wanted.first, self._reader.image_px, context_length)
        setup = Setup(self._data, self._reader, self._tokenizer, self._options, wanted, shape, self._parts)
        processes = self.processes = LoaderProcesses(setup, self._pinned)
        try:
            yield from processes.batches()
        finally:
            self._fetched = self.fetched
            self.processes = None
            processes.close()

    def _by_threads(self, wanted: WorkerRows) -> Generator[Batch, None, None]:
        if self._maker is None:
            self._maker = RowsMaker(self._data, self._reader, self._tokenizer, **self._options)
        maker = self._maker
        ready: queue.Queue[MadeRows | BaseException | None] = queue.Queue(PREFETCHED_BATCHES)
        stopped = threading.Event()

        def offer(item: MadeRows | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=0.2)
                    return
                except queue.Full:
                    continue

        def produce() -> None:
            try:
                for made in maker.made(wanted, _NewArrays(self._reader.image_px, self._pinned)):
                    if stopped.is_set():
                        return
                    offer(made)
                offer(None)
            except BaseException as error:
                offer(error)

        producer = threading.Thread(target=produce, name="loader", daemon=True)
        producer.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield _batch(item, self._reader.hands_over)
        finally:
            stopped.set()
            producer.join(END_S)
            if producer.is_alive():  # it waits for a block, for minutes where a server does not answer
                maker.end_requests()
                producer.join()
                maker.go_on()

    def close(self) -> None:
        if self._maker is not None:
            self._maker.close()
        self._cache.close()


class _NewArrays:
    """A new array for each batch."""

    def __init__(self, image_px: int, pinned: bool) -> None:
        self._image_px = image_px
        self._pinned = pinned and torch.cuda.is_available()

    def take(self, number: int, begin: int, end: int, wait: bool) -> npt.NDArray[np.uint8]:
        shape = (end - begin, 3, self._image_px, self._image_px)
        if self._pinned:  # torch uses it again only when copies from it are done
            found: npt.NDArray[np.uint8] = torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()
            return found
        return np.empty(shape, dtype=np.uint8)


def _batch(made: MadeRows, has_files: bool) -> Batch:
    return Batch(
        ids=made.ids,
        images_b3PP=torch.from_numpy(made.images),
        captions=made.captions,
        texts=made.texts,
        replaced=made.replaced,
        files_bF=made.files if has_files else None,
    )
