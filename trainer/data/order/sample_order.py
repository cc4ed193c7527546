"""The order of one source's samples: a pure function of (seed, epoch, place), with locality.

In: the sizes of its blocks. Out: block and sample of any places of its endless sequence; epoch e is places e*n ..
(e+1)*n - 1, and in it every sample comes exactly once. A place alone is found without those before it, so that a run
goes on anywhere, on any number of workers. Where samples are drawn for each epoch (`drawn`), an epoch begins where the
one before ended, and its line has the drawn samples alone.

    blocks of an epoch, shuffled        | 17 | 4 | 92 | 0 | 35 | ...                     the line
    cut into equal streams              [ stream 0        )[ stream 1        )[ ...
    a stream's windows, each shuffled   [ w0 )[   w1    )[   w2    )                     w0 shorter: all are staggered
    places                              0, 1, 2, ... go round the streams

Whoever has the rows of a few streams reads few blocks, each once an epoch, and the pool of samples that are mixed is
streams x window. A set that fits the pool is one stream with one window: shuffled as a whole. The law: neighbours in
storage meet in a batch more often than at random by samples of a block x batch / pool.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data.order.drawn import Drawn
from trainer.data.order.draws import Int64s, key_of, mix
from trainer.data.order.locate import locate

DEFAULT_POOL = 1 << 20
"""Samples that are mixed with one another: as far as neighbours of storage are concerned what a shuffle buffer of 5,000
in each of 256 readers gives, and 3.6 times fewer of one shard."""

STREAMS = 512
"""A multiple of usual numbers of workers, so that each worker has whole streams."""

_BLOCKS, _WINDOWS = 1, 2
"""Purposes of the two shuffles."""


@dataclass(frozen=True)
class Line:
    """The blocks of an epoch in their order: 12 bytes a block."""

    epoch: int
    begin: int
    """Place of the source's sequence at which the epoch begins."""
    blocks: npt.NDArray[np.int32]
    starts: Int64s
    """``[blocks + 1]``: where each begins on the line, and the number of samples."""


@dataclass(frozen=True)
class Places:
    """Where the samples of some rows are; arrays run in parallel."""

    epochs: Int64s
    blocks: npt.NDArray[np.int32]
    samples: npt.NDArray[np.int32]
    """Place in the block."""
    expiries: Int64s
    """The place of the source's sequence from which on no row is in this block in this epoch."""


class SampleOrder:
    """The order of a source; holds two epochs' lines, 24 bytes a block."""

    def __init__(
        self,
        block_sizes: npt.NDArray[np.int32],
        *,
        seed: int,
        pool: int = DEFAULT_POOL,
        streams: int = STREAMS,
        drawn: Drawn | None = None,
    ) -> None:
        """Raise ValueError for a source without samples, or a `pool` that is smaller than the `streams`.

        `drawn` tells the samples of each epoch, without it they are all; `pool` counts those that are not drawn, too:
        so many bytes are held and so well neighbours are parted, whatever the part that is drawn.
        """
        self.num_samples = int(block_sizes.sum(dtype=np.int64))
        if self.num_samples < 1:
            raise ValueError("a source must have at least 1 sample, found 0")
        if not 1 <= streams <= pool:
            raise ValueError(f"the pool must be at least 1 sample for each of {streams} streams, found {pool!r}")
        self._sizes = block_sizes
        self._seed = seed
        whole = self.num_samples <= pool
        self.num_streams = 1 if whole else streams
        self.window = self.num_samples if whole else pool // streams
        self.epoch_samples = self.num_samples if drawn is None else drawn.expected
        """Samples of an epoch, on average where they are drawn."""
        if not whole:
            self.window = max(1, self.window * self.epoch_samples // self.num_samples)
        self._drawn = drawn
        self._lines: OrderedDict[int, Line] = OrderedDict()

    def line(self, epoch: int) -> Line:
        """Return the blocks of `epoch` in their order."""
        line = self._lines.get(epoch)
        if line is None:
            numbers = np.arange(len(self._sizes), dtype=np.uint64)
            order = np.argsort(mix(key_of(self._seed, _BLOCKS, epoch) ^ numbers), kind="stable").astype(np.int32)
            begin, sizes = epoch * self.num_samples, self._sizes
            if self._drawn is not None:
                begin, sizes = self._drawn.begin(epoch), self._drawn.block_sizes(epoch)
                order = order[sizes[order] > 0]
            starts = np.zeros(len(order) + 1, dtype=np.int64)
            np.cumsum(sizes[order], out=starts[1:])
            line = self._lines[epoch] = Line(epoch, begin, order, starts)
            if len(self._lines) > 2:
                self._lines.popitem(last=False)
        return line

    def epoch_sizes(self, place: int) -> list[int]:
        """Return how many samples each epoch has that begins before `place`, the last of them counted whole."""
        if place < 1:
            return []
        last = int(self._between(place - 1, place)[0][-1])
        if self._drawn is None:
            return [self.num_samples] * (last + 1)
        return np.diff([self._drawn.begin(epoch) for epoch in range(last + 2)]).tolist()

    def rows(self, start: int, stop: int, first: int, last: int) -> Places:
        """Return rows `first` .. `last` - 1 of the places `start` .. `stop` - 1, which are sorted by (stream, place).

        So a worker with neighbouring rows of every batch has the same streams all the time. Takes time for its rows
        and the streams.
        """
        streams, steps, epochs = self._sorted_rows(start, stop, first, last)
        blocks = np.empty(len(streams), dtype=np.int32)
        samples = np.empty(len(streams), dtype=np.int32)
        expiries = np.empty(len(streams), dtype=np.int64)
        for epoch in np.unique(epochs).tolist():
            at = np.flatnonzero(epochs == epoch)
            line = self.line(epoch)
            found = locate(
                streams[at], steps[at], int(line.starts[-1]), self.num_streams, self.window,
                key_of(self._seed, _WINDOWS, epoch), line.starts, line.blocks,
            )  # fmt: skip
            blocks[at], samples[at], expiries[at] = found[0], found[1], found[2] + line.begin
            if self._drawn is not None:
                samples[at] = self._drawn.stored(epoch, found[0], found[1])
        return Places(epochs, blocks, samples, expiries)

    def rows_before(self, start: int, stop: int, stream: int) -> int:
        """Return how many of the places `start` .. `stop` - 1 are in streams before `stream`."""
        n, num_streams = self.num_samples, self.num_streams
        count = 0
        for epoch in range(start // n, max(start, stop - 1) // n + 1):
            for place, sign in ((min(stop - epoch * n, n), 1), (max(start - epoch * n, 0), -1)):
                count += sign * (place // num_streams * stream + min(place % num_streams, stream))
        return count

    def _sorted_rows(self, start: int, stop: int, first: int, last: int) -> tuple[Int64s, Int64s, Int64s]:
        """Return (stream, step in it, epoch) of the rows, without sorting: cells are parts of a stream in an epoch."""
        num_streams = self.num_streams
        epochs, epoch_begins = self._between(start, stop)
        begins = np.maximum(start - epoch_begins[:-1], 0)
        ends = np.minimum(stop, epoch_begins[1:]) - epoch_begins[:-1]
        stream = np.arange(num_streams, dtype=np.int64)[:, None]
        first_steps = -((stream - begins) // num_streams)  # the first place of the stream that is not before the begin
        counts = (-((stream - ends) // num_streams) - first_steps).ravel()
        after = np.cumsum(counts)
        low = int(np.searchsorted(after, first, side="right"))
        high = int(np.searchsorted(after, last, side="left")) + 1
        cells = np.arange(low, min(high, len(after)), dtype=np.int64)
        taken = np.minimum(after[cells], last) - np.maximum(after[cells] - counts[cells], first)
        cell_of = np.repeat(cells, np.maximum(taken, 0))
        rows = np.arange(first, first + len(cell_of), dtype=np.int64)
        steps = first_steps.ravel()[cell_of] + rows - (after[cell_of] - counts[cell_of])
        return cell_of // len(epochs), steps, epochs[cell_of % len(epochs)]

    def _between(self, start: int, stop: int) -> tuple[Int64s, Int64s]:
        """Return the epochs of the places `start` .. `stop` - 1, and where they begin, with the end of the last."""
        if self._drawn is not None:
            return self._drawn.between(start, stop)
        n = self.num_samples
        epochs = np.arange(start // n, max(start, stop - 1) // n + 2, dtype=np.int64)
        return epochs[:-1], epochs * n
