"""What an order needs to know of a source of which only a part is drawn for each epoch.

In: an epoch, or places of the source's sequence. Out: how many samples of each block take part, and which. Epoch e
begins where epoch e - 1 ended: epochs have different numbers of samples.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from trainer.data.order.draws import Int64s


class Drawn(Protocol):
    """The samples that are drawn for each epoch: the same for every worker and in every invocation."""

    @property
    def expected(self) -> int:
        """Samples of an epoch, on average."""

    def between(self, start: int, stop: int) -> tuple[Int64s, Int64s]:
        """Return the epochs that have a place in `start` .. `stop` - 1, and the place at which each begins.

        The second has one element more: the place behind the last of these epochs.
        """

    def begin(self, epoch: int) -> int:
        """Return the place at which `epoch` begins."""

    def block_sizes(self, epoch: int) -> npt.NDArray[np.int32]:
        """Return how many samples of each block are drawn for `epoch`, perhaps none."""

    def stored(
        self, epoch: int, blocks: npt.NDArray[np.int32], samples: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int32]:
        """Return the place in its block of drawn sample number ``samples[i]`` of block ``blocks[i]``."""
