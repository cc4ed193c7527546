"""How much disk the live blocks of remote shards take, known from the order before the first is fetched.

In: a run's data and a worker's rows. Out: bytes at most, about; an error before the start where a disk has less.
"""

import shutil
import tempfile
from dataclasses import dataclass

from trainer.data.data_set import DataSet
from trainer.data.order.sample_order import SampleOrder
from trainer.data.read.cache_errors import cache_errors, make_cache_dir
from trainer.data.read.shared_blocks import held_bytes, sweep

MARGIN = 20
"""A part of so many is added."""


@dataclass(frozen=True)
class CacheRoom:
    """What a machine's workers need of a folder, and what is free there."""

    folder: str
    needed_bytes: int
    free_bytes: int

    def __str__(self) -> str:
        return f"up to {self.needed_bytes / 1e9:.1f} GB of blocks in {self.folder}, {self.free_bytes / 1e9:.1f} GB free"


def live_samples(order: SampleOrder, per_block: int, batch_size: int, rows: int) -> int:
    """Return how many samples of a source lie in the blocks that a worker with `rows` of each batch has open, at most.

    Each of its streams has the blocks of a window, which begins and ends inside of one, and until the end of the epoch
    one that it shares with the stream before it.
    """
    if order.num_streams == 1:
        return order.num_samples
    streams = order.num_streams * rows // batch_size + 2
    if batch_size < order.num_streams or streams > order.num_streams:  # else its rows are of other streams each time
        streams = order.num_streams
    return min(order.num_samples, streams * (order.window + 3 * per_block))


def expected_bytes(data: DataSet, batch_size: int, rows: int, read_ahead_bytes: int, workers: int = 1) -> int:
    """Return how many bytes of blocks that are not local `workers` of a machine hold, each with `rows` of a batch.

    0 where all are local. Of a set that is shuffled as a whole they share each block.
    """
    found = 0
    for source, order in zip(data.sources, data.mixture.orders, strict=True):
        if all(folder.local for folder in source.folders):
            continue
        per_block = -(-source.num_samples // len(source.blocks))
        live = live_samples(order, per_block, batch_size, rows) * (1 if order.num_streams == 1 else workers)
        found += min(live, source.num_samples) * source.num_bytes // source.num_samples
    return found + found // MARGIN + workers * read_ahead_bytes if found else 0


def check_room(needed_bytes: int, cache_dir: str | None, set_name: str) -> CacheRoom | None:
    """Return what is needed and free, None where nothing is; blocks of the set that are there already count as free.

    Deletes what killed runs of other sets left. Raises ValueError where less is free, OSError for a folder that cannot
    be made.
    """
    if not needed_bytes:
        return None
    folder = cache_dir or tempfile.gettempdir()
    make_cache_dir(folder)
    with cache_errors(folder):
        sweep(folder, set_name)
        free = shutil.disk_usage(folder).free + held_bytes(folder, set_name)
    if free < needed_bytes:
        raise ValueError(
            f"--cache-dir {folder}: the blocks of remote shards take up to {needed_bytes / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free; give a folder with more room, or a smaller --shuffle-pool"
        )
    return CacheRoom(folder, needed_bytes, free)
