"""Makes a part of a worker's rows of batch after batch: blocks read ahead, images decoded by threads, captions chosen.

In: the steps, and which part. Out: the rows of each step in order, images in arrays that the caller gives.

    rows of steps s, s+1, ...  -> blocks fetched -> images decoded and cropped, captions chosen -> parts, in order
      (planned ahead)             (threads)         (threads, of two batches at a time)
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from trainer.data.batch import FILE_COLUMNS
from trainer.data.data_set import DataSet
from trainer.data.order.mixture import Rows
from trainer.data.packed_texts import PackedTexts
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.live_blocks import LiveBlocks
from trainer.data.row_reader import RowReader

if TYPE_CHECKING:  # `tokenizers` is not among what a loader for others needs
    from trainer.tokenizer import CaptionTokenizer

PLANNED_BATCHES = 32
"""So many batches ahead the blocks of are fetched, as far as the bytes that are read ahead allow."""
ROWS_A_JOB = 16
BLOCK_THREADS = 16
"""At 9 MB a block and 200 ms to the first byte: 700 MB/s."""
DEADLINE_S = 300.0


@dataclass(frozen=True)
class WorkerRows:
    """Which rows are to be made: rows `first` .. `last` - 1 of each of `steps`' batches, the worker's own."""

    steps: range | list[int]
    batch_size: int
    first: int
    last: int


@dataclass(frozen=True)
class MadeRows:
    """The rows of one part of a worker's batch."""

    begin: int
    """Which row of the worker's batch is the first."""
    ids: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    captions: list[str]
    texts: PackedTexts
    replaced: int
    files: npt.NDArray[np.int64]
    """The rows' numbers of files (`Batch.files_bF`)."""


class ImageArrays(Protocol):
    """Where images go."""

    def take(self, number: int, begin: int, end: int, wait: bool) -> npt.NDArray[np.uint8] | None:
        """Return the array of rows `begin` .. `end` - 1 of the worker's batch `number`, counted from 0.

        None where it would have to wait and may not.
        """


@dataclass
class _Pending:
    """A part whose rows are being decoded."""

    step: int
    begin: int
    rows: Rows
    images: npt.NDArray[np.uint8]
    files: npt.NDArray[np.int64]
    jobs: list[Future[tuple[list[str], int]]]


class RowsMaker:
    """Makes rows; what is in a row depends on (seed, step, row) and nothing else."""

    def __init__(
        self,
        data: DataSet,
        reader: RowReader,
        tokenizer: "CaptionTokenizer | None",
        *,
        decode_threads: int,
        read_ahead_bytes: int,
        cache_dir: str | None = None,
    ) -> None:
        self._data = data
        self._reader = reader
        self._tokenizer = tokenizer
        self._read_ahead_bytes = read_ahead_bytes
        self.bytes = BlockBytes(cache_dir, DEADLINE_S, data.set_name())
        self.blocks = open_blocks(data, self.bytes)
        self._threads = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode")

    def made(self, wanted: WorkerRows, arrays: ImageArrays, part: int = 0, parts: int = 1) -> Iterator[MadeRows]:
        """Yield the rows of part `part` of each batch; while one is finished the next is being decoded."""
        pending: deque[_Pending] = deque()
        for number, (step, begin, rows) in enumerate(self._planned(wanted, part, parts)):
            images = arrays.take(number, begin, begin + len(rows), wait=not pending)
            if images is None:  # the array may be free only when the batch before this one has been given
                yield self._finished(pending.popleft(), wanted.batch_size)
                images = arrays.take(number, begin, begin + len(rows), wait=True)
                assert images is not None
            pending.append(self._begun(step, begin, rows, images))
            if len(pending) == 2:
                yield self._finished(pending.popleft(), wanted.batch_size)
        while pending:
            yield self._finished(pending.popleft(), wanted.batch_size)

    def _planned(self, wanted: WorkerRows, part: int, parts: int) -> Iterator[tuple[int, int, Rows]]:
        """Yield (step, first row, rows) with the blocks of as many later steps asked for as the bytes allow."""
        ahead: deque[tuple[int, int, Rows, int]] = deque()
        ahead_bytes = 0
        for step, begin, rows in self._parts(wanted, part, parts):
            new_bytes = sum(self._bytes_of(*key) for key in self.blocks.want(rows))
            ahead.append((step, begin, rows, new_bytes))
            ahead_bytes += new_bytes
            while len(ahead) > PLANNED_BATCHES or (ahead and ahead_bytes > self._read_ahead_bytes):
                done = ahead.popleft()
                ahead_bytes -= done[3]
                yield done[:3]
        for left in ahead:
            yield left[:3]

    def _parts(self, wanted: WorkerRows, part: int, parts: int) -> Iterator[tuple[int, int, Rows]]:
        mixture = self._data.mixture
        for step in wanted.steps:
            cuts = mixture.cuts(step, wanted.batch_size, wanted.first, wanted.last, parts)
            yield step, cuts[part] - wanted.first, mixture.rows(step, wanted.batch_size, cuts[part], cuts[part + 1])

    def _bytes_of(self, source: int, block: int) -> int:
        held = self._data.sources[source]
        return int(held.ends[block] - held.begins[block])

    def _begun(self, step: int, begin: int, rows: Rows, images: npt.NDArray[np.uint8]) -> _Pending:
        draws = self._reader.draws(rows)
        files = np.zeros((len(rows), FILE_COLUMNS), dtype=np.int64)
        jobs = [
            self._threads.submit(
                self._reader.fill, self.blocks, rows, draws, at, min(at + ROWS_A_JOB, len(rows)), images, files
            )
            for at in range(0, len(rows), ROWS_A_JOB)
        ]
        return _Pending(step, begin, rows, images, files, jobs)

    def _finished(self, pending: _Pending, batch_size: int) -> MadeRows:
        found = [job.result() for job in pending.jobs]
        captions = [caption for texts, _ in found for caption in texts]
        if self._tokenizer is not None:
            texts = self._tokenizer.encode(captions)
        else:
            texts = PackedTexts.from_rows([()] * len(captions))
        self.blocks.give_up(self._data.mixture.places_before((pending.step + 1) * batch_size))
        return MadeRows(
            pending.begin,
            self._reader.ids(pending.rows),
            pending.images,
            captions,
            texts,
            sum(replaced for _, replaced in found),
            pending.files,
        )

    def end_requests(self) -> None:
        """End what is being fetched: whoever waits for it gets an error. `go_on` allows requests again."""
        self.bytes.abort()

    def go_on(self) -> None:
        self.bytes.resume()

    def close(self) -> None:
        self.bytes.abort()
        self._threads.shutdown(cancel_futures=True)
        self.blocks.close()
        self.bytes.close()


def open_blocks(data: DataSet, read: BlockBytes) -> LiveBlocks:
    """Return the blocks of `data`, none of them open, that `read` brings."""
    return LiveBlocks(
        lambda source, block: data.open_block(read, source, block),
        BLOCK_THREADS,
        lambda source, block: data.give_up_block(read, source, block),
    )


def steps_of(steps: Iterable[int]) -> range | list[int]:
    """Return `steps` as what a `WorkerRows` holds."""
    return steps if isinstance(steps, range) else list(steps)
