"""What a run trains on: its sources, in what proportions, which captions; the order of all of it.

In: folders of shards and how they are mixed. Out: the rows of any batch, and the samples in any block. The same for all
workers; a worker opens the blocks of its own rows only.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.tar_samples import KEY_RULE
from trainer.data.order.drawn import Drawn
from trainer.data.order.draws import key_of
from trainer.data.order.mixture import Mixture
from trainer.data.order.sample_order import DEFAULT_POOL, STREAMS, SampleOrder
from trainer.data.read.block import Block
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import CaptionRule
from trainer.data.read.shared_blocks import boot_id
from trainer.data.shard_source import ShardSource

_ORDER = 3
"""Purpose of a source's draw."""
WEIGHT_DIGITS = 1_000_000
"""Weights are rounded to a millionth: then shares are exact in whole numbers."""
MAX_WEIGHT = 1e6


@dataclass(frozen=True)
class DataSet:
    """The samples of a run."""

    sources: list[ShardSource]
    mixture: Mixture
    rules: list[CaptionRule]
    """Of each source."""
    seed: int

    @property
    def num_samples(self) -> int:
        """Samples of all sources, each counted once."""
        return sum(source.num_samples for source in self.sources)

    @property
    def epoch_samples(self) -> int:
        """Samples of an epoch of all sources; where they are drawn for each epoch, the number that is expected."""
        return sum(order.epoch_samples for order in self.mixture.orders)

    def open_block(self, data: BlockBytes, source: int, block: int) -> tuple[Block, int]:
        """Return a block and its bytes."""
        place = self.sources[source].place(block)
        opened = Block(data.get(place, self._stays(source)), place.samples)
        if place.removals is not None:
            opened.remove(place.removals)
        return opened, place.end - place.begin

    def give_up_block(self, data: BlockBytes, source: int, block: int) -> None:
        """Free the room of a block that this worker needs no more, unless all need it all the time."""
        data.give_up(self.sources[source].place(block), self._stays(source))

    def _stays(self, source: int) -> bool:
        """Tell whether a source is shuffled as a whole: any batch may need any of its blocks."""
        return self.mixture.orders[source].num_streams == 1

    def set_name(self) -> str:
        """Return what names the blocks of the run among all, for the processes of a machine; empty where all are local.

        It is another after the machine was started again.
        """
        if all(folder.local for source in self.sources for folder in source.folders):
            return ""
        name = hashlib.sha256(boot_id().encode())
        for source in self.sources:
            name.update(json.dumps([[folder.url for folder in source.folders], source.tars.to_pylist()]).encode())
            for array in (source.folder_of, source.blocks.shards, source.begins, source.ends):
                name.update(np.ascontiguousarray(array).tobytes())
        return name.hexdigest()[:32]


def mix_sources(
    sources: list[ShardSource],
    *,
    seed: int,
    weights: Sequence[float] = (),
    rules: Sequence[CaptionRule] = (),
    pool: int = DEFAULT_POOL,
    drawn: Sequence[Drawn] = (),
) -> DataSet:
    """Return the data set of `sources`.

    `weights` are upsampling factors: a sample of a source with 2 is seen twice as often as one of a source with 1. The
    pool is divided by the rows that each source gives. `drawn` tells for each source which samples an epoch has,
    without it all. Raises ValueError for a source without samples, or weights that
    are not one a source.
    """
    weights = weights or [1.0] * len(sources)
    if len(weights) != len(sources):
        raise ValueError(f"weights must be one for each of {len(sources)} sources, found {len(weights)}")
    for source, weight in zip(sources, weights, strict=True):
        where = ", ".join(folder.url for folder in source.folders)
        if not source.num_samples:
            told = f": {source.left_out} keys without ({source.example}); {KEY_RULE}" if source.left_out else ""
            raise ValueError(f"--shards: no sample with an image in {where}{told}")
        if not 1 / WEIGHT_DIGITS <= weight <= MAX_WEIGHT:
            raise ValueError(f"a weight must be in 0.000001 .. 1,000,000, found {weight!r} for {where}")
    epochs = [one.expected for one in drawn] or [source.num_samples for source in sources]
    shares = [samples * round(weight * WEIGHT_DIGITS) for samples, weight in zip(epochs, weights, strict=True)]
    orders = []
    for number, (source, share) in enumerate(zip(sources, shares, strict=True)):
        own_pool = max(STREAMS, pool * share // sum(shares))
        own_seed = seed if len(sources) == 1 else int(key_of(seed, _ORDER, number))
        own_drawn = drawn[number] if drawn else None
        orders.append(SampleOrder(source.blocks.sizes, seed=own_seed, pool=own_pool, drawn=own_drawn))
    return DataSet(sources, Mixture(orders, _whole(shares)), list(rules) or [CaptionRule()] * len(sources), seed)


def _whole(shares: list[int]) -> list[int]:
    """Return shares that fit `MAX_WEIGHT` together, halved as often as that takes; one source needs none."""
    if len(shares) == 1:
        return [1]
    while sum(shares) > 1 << 40:
        shares = [max(1, share >> 1) for share in shares]
    return shares
