"""Several sources in one sequence of rows: who gives the next row, exactly by weight.

In: an order and a whole-numbered weight for each source. Out: the rows of any worker in any global batch. Of the first
G rows of the run source 0 has given floor(G w0 / W), of the others source 1 its share rounded down, and so on: no count
is ever off by more than the number of sources, and the count of any G is known without those before it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data.order.draws import Int64s
from trainer.data.order.sample_order import SampleOrder

MAX_WEIGHT = 1 << 40
"""Of all sources together: products with a row of a batch stay in 64 bits."""


MIN_ROWS_OF_STREAM = 4
"""With fewer rows of each stream in a batch the streams of some rows differ from batch to batch."""


@dataclass(frozen=True)
class Rows:
    """Some rows of a global batch; arrays run in parallel."""

    sources: npt.NDArray[np.int32]
    epochs: Int64s
    """Of the row's source: each has passes of its own."""
    blocks: npt.NDArray[np.int32]
    samples: npt.NDArray[np.int32]
    """Place in the block."""
    expiries: Int64s
    """The place of its source's sequence from which on the block is not needed; see `Mixture.places_before`."""

    def __len__(self) -> int:
        return len(self.sources)


class Mixture:
    """The sequence of a run: the rows of several sources."""

    def __init__(self, orders: list[SampleOrder], weights: list[int]) -> None:
        """Raise ValueError when there is no source, or when weights are not one positive number a source."""
        if not orders:
            raise ValueError("a run needs at least one source, found none")
        if len(weights) != len(orders) or min(weights) < 1 or sum(weights) > MAX_WEIGHT:
            raise ValueError(
                f"expected a weight of at least 1 for each of {len(orders)} sources, at most {MAX_WEIGHT} together, "
                f"found {weights}"
            )
        self.orders = orders
        self.weights = weights

    def places_before(self, row: int) -> list[int]:
        """Return how many of the run's first `row` rows each source gives."""
        places = []
        rest, weight_left = row, sum(self.weights)
        for weight in self.weights:
            places.append(rest * weight // weight_left)
            rest -= places[-1]
            weight_left -= weight
        return places

    def rows(self, step: int, batch_size: int, first: int, last: int) -> Rows:
        """Return rows `first` .. `last` - 1 of global batch `step`. All workers' rows together are the batch."""
        start = step * batch_size
        begins, ends = self.places_before(start), self.places_before(start + batch_size)
        if len(self.orders) == 1:
            found = self.orders[0].rows(begins[0], ends[0], first, last)
            zeros = np.zeros(len(found.blocks), dtype=np.int32)
            return Rows(zeros, found.epochs, found.blocks, found.samples, found.expiries)
        lows, highs = self.places_before(start + first), self.places_before(start + last)
        sources = self._sources(start + first, last - first)
        rows = Rows(
            sources,
            np.empty(len(sources), dtype=np.int64),
            np.empty(len(sources), dtype=np.int32),
            np.empty(len(sources), dtype=np.int32),
            np.empty(len(sources), dtype=np.int64),
        )
        for source, order in enumerate(self.orders):
            at = np.flatnonzero(sources == source)
            found = order.rows(
                begins[source], ends[source], lows[source] - begins[source], highs[source] - begins[source]
            )
            rows.epochs[at], rows.blocks[at], rows.samples[at] = found.epochs, found.blocks, found.samples
            rows.expiries[at] = found.expiries
        return rows

    def cuts(self, step: int, batch_size: int, first: int, last: int, parts: int) -> list[int]:
        """Return where rows `first` .. `last` - 1 of a batch are cut into near-equal parts: ``[parts + 1]`` rows.

        Of one source the same streams are in the same part of every batch, so that no two parts read a block. Of
        several sources, or where a batch has few rows of a stream, the cuts are those of the rows alone.
        """
        rows = [first + part * (last - first) // parts for part in range(parts + 1)]
        order = self.orders[0]
        own_streams = order.num_streams * (last - first) // batch_size
        if len(self.orders) > 1 or batch_size < MIN_ROWS_OF_STREAM * order.num_streams or own_streams < 2 * parts:
            return rows
        start, stop = step * batch_size, (step + 1) * batch_size
        for part in range(1, parts):
            stream = (2 * order.num_streams * rows[part] + batch_size) // (2 * batch_size)  # the nearest: of all steps
            rows[part] = min(max(order.rows_before(start, stop, stream), first), last)
        return rows

    def _sources(self, first: int, count: int) -> npt.NDArray[np.int32]:
        """Return which source gives each of `count` rows of the run from `first` on."""
        rest = np.arange(count + 1, dtype=np.int64)  # rows left for the later sources, before each row, less `begin`
        begin = first
        sources = np.full(count, len(self.weights) - 1, dtype=np.int32)
        open_rows = np.ones(count, dtype=bool)
        weight_left = sum(self.weights)
        for source, weight in enumerate(self.weights[:-1]):
            given = (begin * weight % weight_left + rest * weight) // weight_left
            gives = (np.diff(given) > 0) & open_rows
            sources[gives] = source
            open_rows &= ~gives
            rest = rest - given
            begin -= begin * weight // weight_left
            weight_left -= weight
        return sources
