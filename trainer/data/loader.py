"""Batches of one worker: its rows of each global batch, from blocks that are read ahead, decoded in the background.

Shapes: b rows of this worker, P pixels per side, L positions.

    rows of steps s, s+1, ...  -> blocks fetched -> images decoded and cropped, captions chosen -> batches, in order
      (planned ahead)             (threads)         (threads, of two batches at a time)
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.data_set import DataSet
from trainer.data.order.mixture import Rows
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.live_blocks import LiveBlocks
from trainer.data.row_reader import RowReader
from trainer.tokenizer import CaptionTokenizer

logger = logging.getLogger(__name__)

PREFETCHED_BATCHES = 2
PLANNED_BATCHES = 32
"""So many batches ahead the blocks of are fetched, as far as the bytes that are read ahead allow."""
ROWS_A_JOB = 16
BLOCK_THREADS = 16
"""At 9 MB a block and 200 ms to the first byte: 700 MB/s."""
DEADLINE_S = 300.0


@dataclass(frozen=True)
class Batch:
    """This worker's rows of one global batch."""

    ids: npt.NDArray[np.int64]
    """Sample of each row by the order (`RowReader.ids`); a replaced one keeps its own here."""
    images_b3PP: torch.Tensor
    captions: list[str]
    tokens_bL: torch.Tensor
    """Of no column without a tokenizer."""
    eos_b: torch.Tensor
    replaced: int
    """Rows whose own sample could not be used."""


@dataclass
class _Pending:
    """A batch whose rows are being decoded."""

    step: int
    rows: Rows
    images: npt.NDArray[np.uint8]
    jobs: list[Future[tuple[list[str], int]]]


class Loader:
    """Makes batches; what is in a batch depends on (seed, step, rows) and nothing else."""

    def __init__(
        self,
        data: DataSet,
        reader: RowReader,
        tokenizer: CaptionTokenizer | None,
        *,
        decode_threads: int,
        read_ahead_bytes: int,
        cache_dir: str | None = None,
    ) -> None:
        self._data = data
        self._reader = reader
        self._tokenizer = tokenizer
        self._read_ahead_bytes = read_ahead_bytes
        self.bytes = BlockBytes(cache_dir, DEADLINE_S)
        self._blocks = LiveBlocks(lambda source, block: data.open_block(self.bytes, source, block), BLOCK_THREADS)
        self._threads = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode")

    def batches(self, steps: Iterable[int], batch_size: int, first: int, last: int) -> Generator[Batch, None, None]:
        """Yield rows `first` .. `last` - 1 of each global batch in order; an error of the background is raised here."""
        ready: queue.Queue[Batch | BaseException | None] = queue.Queue(PREFETCHED_BATCHES)
        stopped = threading.Event()

        def offer(item: Batch | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=0.2)
                    return
                except queue.Full:
                    continue

        def produce() -> None:
            try:
                for batch in self._made(steps, batch_size, first, last):
                    if stopped.is_set():
                        return
                    offer(batch)
                offer(None)
            except BaseException as error:
                offer(error)

        producer = threading.Thread(target=produce, name="loader", daemon=True)
        producer.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            producer.join()

    def _made(self, steps: Iterable[int], batch_size: int, first: int, last: int) -> Iterator[Batch]:
        """Yield the batches; while one is finished the next is being decoded."""
        pending: deque[_Pending] = deque()
        for step, rows in self._planned(steps, batch_size, first, last):
            pending.append(self._begun(step, rows))
            if len(pending) == 2:
                yield self._finished(pending.popleft(), batch_size)
        while pending:
            yield self._finished(pending.popleft(), batch_size)

    def _planned(self, steps: Iterable[int], batch_size: int, first: int, last: int) -> Iterator[tuple[int, Rows]]:
        """Yield (step, rows) with the blocks of as many later steps asked for as the bytes allow."""
        ahead: deque[tuple[int, Rows, int]] = deque()
        ahead_bytes = 0
        for step in steps:
            rows = self._data.mixture.rows(step, batch_size, first, last)
            new_bytes = sum(self._bytes_of(*key) for key in self._blocks.want(rows))
            ahead.append((step, rows, new_bytes))
            ahead_bytes += new_bytes
            while len(ahead) > PLANNED_BATCHES or (ahead and ahead_bytes > self._read_ahead_bytes):
                done = ahead.popleft()
                ahead_bytes -= done[2]
                yield done[0], done[1]
        for step, rows, _ in ahead:
            yield step, rows

    def _bytes_of(self, source: int, block: int) -> int:
        held = self._data.sources[source]
        return int(held.ends[block] - held.begins[block])

    def _begun(self, step: int, rows: Rows) -> _Pending:
        px = self._reader.image_px
        images = np.empty((len(rows), 3, px, px), dtype=np.uint8)
        draws = self._reader.draws(rows)
        jobs = [
            self._threads.submit(
                self._reader.fill, self._blocks, rows, draws, at, min(at + ROWS_A_JOB, len(rows)), images
            )
            for at in range(0, len(rows), ROWS_A_JOB)
        ]
        return _Pending(step, rows, images, jobs)

    def _finished(self, pending: _Pending, batch_size: int) -> Batch:
        found = [job.result() for job in pending.jobs]
        captions = [caption for texts, _ in found for caption in texts]
        if self._tokenizer is not None:
            tokens, eos = self._tokenizer.encode(captions)
        else:
            tokens, eos = np.zeros((len(captions), 0), dtype=np.int64), np.zeros(len(captions), dtype=np.int64)
        self._blocks.give_up(self._data.mixture.places_before((pending.step + 1) * batch_size))
        return Batch(
            ids=self._reader.ids(pending.rows),
            images_b3PP=torch.from_numpy(pending.images),
            captions=captions,
            tokens_bL=torch.from_numpy(tokens),
            eos_b=torch.from_numpy(eos),
            replaced=sum(replaced for _, replaced in found),
        )

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._blocks.close()
