"""The samples of one source that are drawn for each epoch: another part each time, the same for every worker.

In: the chances of its samples. Out: for each epoch how many samples of each block are drawn, and which (`Drawn` of
`trainer/data/order/drawn.py`). A draw is a hash of (seed, epoch, sample), so whoever needs an epoch can make its bits;
those of a large source the first worker stores in the run's folder, one epoch ahead, where the others map them:

    drawn-0-00003.bits        source 0, epoch 3: 8 bytes how many are drawn, then a bit for each sample
"""

import bisect
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data.balance.chance_file import PIECE, Chances
from trainer.data.balance.drawn_bits import SET_BITS, UInt8s, count_bits, draw_bits, draw_key, find_bits
from trainer.data.order.blocks import Blocks
from trainer.data.order.draws import Int64s

logger = logging.getLogger(__name__)

COUNT_BYTES = 8
STORED_SAMPLES = 1 << 23
"""A source of fewer is drawn anew by each worker: 10 milliseconds, 1 MiB."""
HELD_EPOCHS = 2


@dataclass(frozen=True)
class EpochBits:
    """The drawn samples of an epoch."""

    drawn: int
    bits: UInt8s


class DrawnEpochs:
    """What each epoch of a source has; one thread asks."""

    def __init__(
        self,
        chances: Chances,
        blocks: Blocks,
        *,
        expected: int,
        seed: int,
        source: int,
        first_id: int,
        stores: bool,
        stored_samples: int = STORED_SAMPLES,
    ) -> None:
        """Sample i is drawn by the id ``first_id + i``; `stores`: this worker keeps bits for the others."""
        self.expected = expected
        self._chances = chances
        self._blocks = blocks
        self._seed = seed
        self._source = source
        self._first_id = first_id
        self._large = chances.samples >= stored_samples
        self._stores = stores and self._large
        self._held: OrderedDict[int, EpochBits] = OrderedDict()
        self._ends: list[int] = []
        """Place behind the last of each epoch known."""
        self._ahead: threading.Thread | None = None

    def begin(self, epoch: int) -> int:
        """Return the place of the source's sequence at which `epoch` begins."""
        while len(self._ends) < epoch:
            self._ends.append(self.begin(len(self._ends)) + self._num_drawn(len(self._ends)))
        return self._ends[epoch - 1] if epoch else 0

    def between(self, start: int, stop: int) -> tuple[Int64s, Int64s]:
        """Return the epochs that have a place in `start` .. `stop` - 1, and where they begin; see `Drawn`."""
        if stop <= start:
            return np.empty(0, dtype=np.int64), np.full(1, start, dtype=np.int64)
        while not self._ends or self._ends[-1] < stop:
            self.begin(len(self._ends) + 1)
        epochs: list[int] = []
        for epoch in range(bisect.bisect_right(self._ends, start), bisect.bisect_left(self._ends, stop) + 1):
            if self.begin(epoch + 1) > self.begin(epoch):
                epochs.append(epoch)
        begins = [self.begin(epoch) for epoch in epochs]
        return np.array(epochs, dtype=np.int64), np.array([*begins, self.begin(epochs[-1] + 1)], dtype=np.int64)

    def block_sizes(self, epoch: int) -> npt.NDArray[np.int32]:
        """Return how many samples of each block are drawn for `epoch`.

        Raises ValueError that names the file when stored bits are not as they were written.
        """
        found = self._bits(epoch)
        sizes = np.empty(len(self._blocks), dtype=np.int32)
        count_bits(found.bits, self._blocks.numbers, self._blocks.sizes, SET_BITS, sizes)
        if int(sizes.sum(dtype=np.int64)) != found.drawn:
            raise self._damaged(epoch, f"{int(sizes.sum(dtype=np.int64))} bits, {found.drawn} noted")
        return sizes

    def stored(
        self, epoch: int, blocks: npt.NDArray[np.int32], samples: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int32]:
        """Return the place in its block of drawn sample number ``samples[i]`` of block ``blocks[i]``."""
        places = np.empty(len(blocks), dtype=np.int32)
        firsts, sizes = self._blocks.numbers[blocks], self._blocks.sizes[blocks]
        find_bits(self._bits(epoch).bits, firsts, sizes, SET_BITS, samples, places)
        return places

    def _num_drawn(self, epoch: int) -> int:
        """Return how many samples are drawn for `epoch`."""
        if epoch not in self._held and self._large and self._chances.run.exists(self._name(epoch)):
            with self._chances.run.open(self._name(epoch)) as raw:
                return int.from_bytes(raw.read(COUNT_BYTES), "little")
        return self._bits(epoch).drawn

    def store(self, epoch: int) -> None:
        """Store the bits of `epoch` if they are to be stored, and are not."""
        if self._stores and not self._chances.run.exists(self._name(epoch)):
            self._write(epoch, self._made(epoch))

    def _bits(self, epoch: int) -> EpochBits:
        found = self._held.get(epoch)
        if found is None:
            found = self._held[epoch] = self._read(epoch) or self._made(epoch)
            if len(self._held) > HELD_EPOCHS:
                self._held.popitem(last=False)
            if self._stores:
                self._store_from(epoch, found)
        return found

    def _read(self, epoch: int) -> EpochBits | None:
        """Return the stored bits of an epoch, None where there are none."""
        run, name = self._chances.run, self._name(epoch)
        if not self._large or not run.exists(name):
            return None
        data: UInt8s
        if run.local:
            data = np.memmap(run.path(name), dtype=np.uint8, mode="r")
        else:
            data = np.frombuffer(run.read(name), dtype=np.uint8)
        if len(data) != COUNT_BYTES + (self._chances.samples + 7) // 8:
            raise self._damaged(epoch, f"{len(data)} bytes")
        return EpochBits(int.from_bytes(data[:COUNT_BYTES].tobytes(), "little"), data[COUNT_BYTES:])

    def _made(self, epoch: int) -> EpochBits:
        bits = np.zeros((self._chances.samples + 7) // 8, dtype=np.uint8)
        key, drawn = draw_key(self._seed, epoch), 0
        for number, chances in enumerate(self._chances.pieces()):
            at = number * PIECE
            drawn += draw_bits(chances, key, np.uint64(self._first_id + at), bits[at // 8 :])
        return EpochBits(drawn, bits)

    def _store_from(self, epoch: int, found: EpochBits) -> None:
        """Store `epoch` and the next one in the background: the other workers come to it while this one trains."""
        if self._ahead is not None:
            self._ahead.join()

        def write() -> None:
            try:
                if not self._chances.run.exists(self._name(epoch)):
                    self._write(epoch, found)
                self.store(epoch + 1)
            except OSError as error:
                logger.warning("the samples of an epoch cannot be stored, each worker draws them: %s", error)

        self._ahead = threading.Thread(target=write, name="drawn")
        self._ahead.start()

    def _write(self, epoch: int, found: EpochBits) -> None:
        with self._chances.run.writing(self._name(epoch)) as sink:
            sink.write(found.drawn.to_bytes(COUNT_BYTES, "little"))
            sink.write(found.bits)

    def _name(self, epoch: int) -> str:
        return f"drawn-{self._source}-{epoch:05d}.bits"

    def _damaged(self, epoch: int, found: str) -> ValueError:
        return ValueError(
            f"{self._chances.run.path(self._name(epoch))}: {found}; expected {COUNT_BYTES} bytes and a bit for each of "
            f"{self._chances.samples} samples; delete the file, it is made again"
        )
