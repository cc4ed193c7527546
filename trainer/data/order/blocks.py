"""Blocks: neighbours in one shard that are fetched by one request and shuffled as one.

In: the number of samples of each shard. Out: the blocks, each between two samples whose offsets the shard index knows:

    shard of 1,000 samples, 320 a block   |0 ... 319|320 ... 671|672 ... 999|    cut at multiples of `STRIDE`
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schemas.shard_index import STRIDE

BLOCK_BYTES = 8 << 20
"""A block has at least so many bytes, where its shard has: requests of that size reach the speed of an object store."""


def samples_per_block(num_samples: int, num_bytes: int) -> int:
    """Return how many samples of a data set of `num_bytes` make a block: a multiple of `STRIDE`.

    Half a stride is added because cuts go to the nearest one.
    """
    if num_samples < 1 or num_bytes < 1:
        return STRIDE
    wanted = -(-BLOCK_BYTES * num_samples // num_bytes) + STRIDE // 2
    return max(STRIDE, -(-wanted // STRIDE) * STRIDE)


@dataclass(frozen=True)
class Blocks:
    """The blocks of a source, in the order of its shards; 20 bytes each."""

    shards: npt.NDArray[np.int32]
    """Number of the shard of each block."""
    first: npt.NDArray[np.int32]
    """Place in its shard of each block's first sample: a multiple of `STRIDE`."""
    sizes: npt.NDArray[np.int32]
    """Samples of each block, at least 1."""

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The number of each block's first sample among all of the source."""
        return np.cumsum(self.sizes, dtype=np.int64) - self.sizes


def cut_blocks(counts: npt.NDArray[np.integer], per_block: int) -> Blocks:
    """Return the blocks of shards with `counts` samples: near-equal parts of `per_block` and more.

    An empty shard has none, one with fewer than `per_block` is one. Raises ValueError for a negative count or a
    `per_block` below 1.
    """
    samples = np.asarray(counts, dtype=np.int64)
    if len(samples) and (samples.min() < 0 or samples.max() > np.iinfo(np.int32).max):
        raise ValueError(f"a shard has 0 .. 2**31 - 1 samples, found {int(samples.min())} .. {int(samples.max())}")
    if per_block < 1:
        raise ValueError(f"per_block must be at least 1, found {per_block!r}")
    parts = np.where(samples > 0, np.maximum(1, samples // per_block), 0)
    shards = np.repeat(np.arange(len(samples), dtype=np.int32), parts)
    place = np.arange(len(shards), dtype=np.int64) - np.repeat(np.cumsum(parts) - parts, parts)
    ends = _cut(place + 1, samples[shards], parts[shards])
    first = _cut(place, samples[shards], parts[shards])
    kept = ends > first  # tiny shards of many parts: two cuts can meet
    return Blocks(shards[kept], first[kept].astype(np.int32), (ends - first)[kept].astype(np.int32))


def _cut(
    place: npt.NDArray[np.int64], samples: npt.NDArray[np.int64], parts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return where part `place` of `parts` begins: at the nearest multiple of `STRIDE`; the last ends at the end."""
    nearest = (2 * samples * place + parts * STRIDE) // (2 * parts * STRIDE) * STRIDE
    return np.where(place == parts, samples, np.minimum(nearest, samples))
