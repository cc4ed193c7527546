"""What the order of samples costs, and how well it shuffles: 20 million samples in 2,000 unequal shards, by counts.

Run by `make bench BENCH=order`. Nothing is read: samples have 28 KB, workers are 8 to a node, and each fetches by
itself every block in which it has a row, once an epoch. The peer's shuffle is webdataset's own, fed with the numbers of
shards: 256 readers with a buffer of 5,000 samples each, as open_clip configures it.
"""

import random
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from webdataset.filters import shuffle

from tests.bench.timing import line
from trainer.data.order.blocks import BLOCK_BYTES, Blocks, cut_blocks, samples_per_block
from trainer.data.order.sample_order import SampleOrder

NUM_SHARDS, MAX_PER_SHARD = 2_000, 22_000
SAMPLE_BYTES = 28_000
BATCH_SIZE = 32_768
WORKERS = (8, 12, 64)
WORKERS_OF_NODE = 8
NUM_BATCHES_LOOKED_AT = 40
READERS, BUFFER = 256, 5_000


def shard_counts() -> npt.NDArray[np.int64]:
    """Return the samples of each shard: 0 to 22,000, a tenth of the shards empty or nearly so."""
    counts = np.random.default_rng(0).integers(0, MAX_PER_SHARD + 1, NUM_SHARDS)
    counts[::20] %= 50
    counts[7::20] = 0
    return counts


def fetched_share(order: SampleOrder, blocks: Blocks, workers: int) -> tuple[float, float, float]:
    """Return the most bytes that a node fetches an epoch, to its share; its large requests; microseconds a row."""
    sizes = blocks.sizes.astype(np.int64)
    held = np.zeros((workers, len(blocks)), dtype=bool)
    num_batches = order.num_samples // BATCH_SIZE
    seconds, timed = 0.0, 0
    for step in range(num_batches):
        for worker in range(workers):
            first, last = worker * BATCH_SIZE // workers, (worker + 1) * BATCH_SIZE // workers
            began = time.process_time()
            rows = order.rows(step * BATCH_SIZE, (step + 1) * BATCH_SIZE, first, last)
            seconds += time.process_time() - began
            timed += last - first
            held[worker, rows.blocks] = True
    worst = 0.0
    for first in range(0, workers, WORKERS_OF_NODE):
        node = held[first : first + WORKERS_OF_NODE]
        share = num_batches * BATCH_SIZE * len(node) / workers
        worst = max(worst, float((node * sizes).sum()) / share)
    requests = held.sum(axis=0)
    large = float(requests[sizes * SAMPLE_BYTES >= BLOCK_BYTES].sum() / requests.sum())
    return worst, large, seconds / timed * 1e6


def neighbours(shards: npt.NDArray[np.integer]) -> float:
    """Return how many others of its own shard a sample of a batch meets in it, on average."""
    counts = np.bincount(shards).astype(np.float64)
    return float((counts * (counts - 1)).sum() / len(shards))


def our_neighbours(order: SampleOrder, blocks: Blocks) -> float:
    """Return the mean over batches that are spread over an epoch."""
    steps = np.linspace(0, order.num_samples // BATCH_SIZE - 1, NUM_BATCHES_LOOKED_AT).astype(int)
    found = []
    for step in steps.tolist():
        rows = order.rows(step * BATCH_SIZE, (step + 1) * BATCH_SIZE, 0, BATCH_SIZE)
        found.append(neighbours(blocks.shards[rows.blocks]))
    return float(np.mean(found))


def peer_neighbours(counts: npt.NDArray[np.int64]) -> float:
    """Return that of webdataset's shuffle: 256 readers share the shuffled shards, a batch takes of each in turn."""
    numbers = np.random.default_rng(1).permutation(len(counts))

    def reader(number: int) -> Iterator[int]:
        read = (int(shard) for shard in numbers[number::READERS] for _ in range(int(counts[shard])))
        return iter(shuffle(BUFFER, initial=BUFFER, rng=random.Random(number))(read))

    readers = [reader(number) for number in range(READERS)]
    found = []
    for _ in range(5):
        found.append(neighbours(np.array([next(one) for one in readers for _ in range(BATCH_SIZE // READERS)])))
    return float(np.mean(found))


def main() -> None:
    counts = shard_counts()
    total = int(counts.sum())
    blocks = cut_blocks(counts, samples_per_block(total, total * SAMPLE_BYTES))
    print(f"{total:,} samples in {len(counts):,} shards, {len(blocks):,} blocks, {WORKERS_OF_NODE} workers a node")
    order = SampleOrder(blocks.sizes, seed=0)
    for workers in WORKERS:
        order.rows(0, BATCH_SIZE, 0, 1)
        share, large, microseconds = fetched_share(order, blocks, workers)
        line(f"order-fetched-{workers}", share, "its share", 1.0, "bytes of the worst node", 1.05)
        line(f"order-requests-{workers}", large, "all", 1.0, "requests of 8 MiB and more", 0.98)
        line(f"order-time-{workers}", microseconds, "bound", 0.5, "microseconds a sample", 1)
    held = sum(array.nbytes for array in (blocks.shards, blocks.first, blocks.sizes, blocks.numbers))
    held += sum(found.blocks.nbytes + found.starts.nbytes for found in map(order.line, (0, 1)))
    line("order-memory", held / total, "bound", 0.25, "bytes held a sample", 1)
    at_random = BATCH_SIZE * float(((counts / total) ** 2).sum())
    ours, peer = our_neighbours(order, blocks), peer_neighbours(counts)
    line("order-neighbours", ours, "at random", at_random, "of the same shard in a batch", (at_random + 14) / at_random)
    line("order-neighbours-peer", ours, "webdataset", peer, "of the same shard in a batch", 1)


if __name__ == "__main__":
    main()
