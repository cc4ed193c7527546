"""Captions to train a tokenizer on: of all samples, or of parts spread evenly over a larger set.

In: the data set. Out: captions in the order of the shards, the same wherever these lie. Where all tars of a folder have
a table with captions beside them, tables are read, some samples of each; of other folders blocks, whole.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from schemas.shards_folder import TABLE_SUFFIX, TAR_SUFFIX
from trainer.data.data_set import DataSet
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import captions_of
from trainer.data.read.table_captions import has_captions, spread, table_captions
from trainer.data.shard_source import ShardSource
from trainer.telling.reporter import Reporter, Silent

MAX_TABLES = 512
"""Of so many tables captions are taken: 2,000 of each for a million."""
MAX_BLOCK_BYTES = 8 << 30
"""So much is read for captions where no tables have them: about 300,000 samples of 28 KB."""
THREADS = 16
"""That read: of a table over the network a few requests must be waited for."""

Further = Callable[[str], list[str]] | None


@dataclass(frozen=True)
class CaptionPart:
    """A table, or a block, of which captions are taken."""

    source: int
    number: int
    """Of the tar, or of the block."""
    is_table: bool
    most: int
    """Captions that are taken of it."""


def some_captions(
    data: DataSet, read: BlockBytes, further: Further, most: int, reporter: Reporter | None = None
) -> Iterator[str]:
    """Yield at most `most` captions; parts are read at once by several threads, `reporter` shows how far they are."""
    reporter, start = reporter or Silent(), time.monotonic()
    parts = plan_parts(data, read, most)
    blocks = [part for part in parts if not part.is_table]
    sizes = (data.sources[part.source].ends[part.number] - data.sources[part.source].begins[part.number]
             for part in blocks)  # fmt: skip
    reporter.message(
        f"captions for the tokenizer: read of {len(parts) - len(blocks):,} tables beside the tars, and of "
        f"{len(blocks):,} blocks with {int(sum(sizes)) / 1e9:.2f} GB"
    )
    given = given_bytes = 0
    before, waiting = read.fetched_bytes, deque[Future[list[str]]]()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="captions") as pool:
        try:
            for number, part in enumerate(parts):
                waiting.append(pool.submit(_captions_of, data, read, further, part))
                while waiting and (len(waiting) == 2 * THREADS or number == len(parts) - 1):
                    captions = waiting.popleft().result()
                    given += len(captions)
                    given_bytes += sum(map(len, captions))
                    reporter.work("captions", given_bytes, given_bytes * len(parts) // (number + 1 - len(waiting)))
                    yield from captions
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            read.abort()  # whoever gave up waits for no answer
            raise
    reporter.message(
        f"captions for the tokenizer: {given:,} in {time.monotonic() - start:.1f} s, "
        f"{(read.fetched_bytes - before) / 1e6:.1f} MB fetched"
    )


def plan_parts(data: DataSet, read: BlockBytes, most: int) -> list[CaptionPart]:
    """Return the parts of which at most `most` captions are taken, in the order of the shards."""
    parts: list[CaptionPart] = []
    num_bytes = sum(source.num_bytes for source in data.sources)
    for number, source in enumerate(data.sources):
        tar_samples = np.bincount(source.blocks.shards, weights=source.blocks.sizes, minlength=len(source.tars))
        of_tables = _folders_with_tables(source, read)
        for folder in range(len(source.folders)):
            is_table = folder in of_tables
            if is_table:
                places = np.flatnonzero((source.folder_of == folder) & (tar_samples > 0))
                sizes, most_parts = tar_samples[places].astype(np.int64), MAX_TABLES
            else:
                places = np.flatnonzero(source.folder_of[source.blocks.shards] == folder)
                sizes = source.blocks.sizes[places].astype(np.int64)
                most_parts = len(places) * MAX_BLOCK_BYTES // max(MAX_BLOCK_BYTES, num_bytes)
            own_most = -(-most * int(sizes.sum()) // data.num_samples)
            if not is_table:  # they are read whole: no more than are needed
                most_parts = min(most_parts, -(-own_most * len(places) // max(1, int(sizes.sum()))))
            taken = spread(len(places), most_parts)
            held = max(1, int(sizes[taken].sum()))
            parts += [
                CaptionPart(number, int(place), is_table, own_most * int(size) // held)
                for place, size in zip(places[taken], sizes[taken], strict=True)
            ]
    return parts


def _folders_with_tables(source: ShardSource, read: BlockBytes) -> set[int]:
    """Return the folders of a source with a table beside each tar, the first of which has captions."""
    found = set()
    for number, folder in enumerate(source.folders):
        tars = [source.tars[int(tar)].as_py() for tar in np.flatnonzero(source.folder_of == number)]
        tables = {_table_of(tar) for tar in tars}
        if tars and tables <= set(folder.names(suffix=TABLE_SUFFIX)) and has_captions(read, folder, _table_of(tars[0])):
            found.add(number)
    return found


def _table_of(tar: str) -> str:
    return tar.removesuffix(TAR_SUFFIX) + TABLE_SUFFIX


def _captions_of(data: DataSet, read: BlockBytes, further: Further, part: CaptionPart) -> list[str]:
    """Return the captions of a part."""
    source = data.sources[part.source]
    if part.is_table:
        folder = int(source.folder_of[part.number])
        name = _table_of(source.tars[part.number].as_py())
        captions = table_captions(read, source.folders[folder], name, source.removals[folder], further, part.most)
    else:
        block, _ = data.open_block(read, part.source, part.number)
        captions = []
        for sample in (sample for sample in range(len(block)) if sample not in block.faults):
            captions += captions_of(block.description(sample), block.text(sample))
            if further is not None:
                captions += further(block.key(sample))
        data.give_up_block(read, part.source, part.number)
    return [captions[place] for place in spread(len(captions), part.most)]
