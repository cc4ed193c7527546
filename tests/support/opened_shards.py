"""Shards opened as the trainer opens them, and looked at sample by sample, in storage order."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.storage import Folder
from schemas.stored_index import index_of_table
from trainer.data.data_set import DataSet
from trainer.data.find_index import make_index
from trainer.data.loader import Batch, Loader
from trainer.data.open_data import open_data, open_folders
from trainer.data.read.block import Block
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import captions_of
from trainer.data.read.further_captions import open_further
from trainer.data.row_reader import RowReader
from trainer.tokenizer import CaptionTokenizer


def open_shards(*paths: Path | str, seed: int = 0, pool: int = 1 << 20, **mixed: Any) -> DataSet:
    """Return the samples of folders, with indexes made now."""
    folders = open_folders([str(path) for path in paths])
    indexes = [index_of_table(make_index(opened.folder, opened.sizes, 1), "made") for opened in folders]
    return open_data(folders, indexes, seed=seed, pool=pool, **mixed)


def blocks_of(data: DataSet) -> list[Block]:
    """Return all blocks, in storage order."""
    read = BlockBytes(None, 10)
    return [
        data.open_block(read, number, block)[0]
        for number, source in enumerate(data.sources)
        for block in range(len(source.blocks))
    ]


def keys(data: DataSet) -> list[str]:
    """Return the keys of all samples, in storage order."""
    return [block.key(sample) for block in blocks_of(data) for sample in range(len(block))]


def captions(data: DataSet, *further_from: Path) -> list[list[str]]:
    """Return the captions of all samples, in storage order, with those of the further captions of folders."""
    folders = [opened.folder for opened in open_folders([str(path) for path in further_from])]
    with tempfile.TemporaryDirectory() as run:
        further: Callable[[str], list[str]] = open_further(folders, Folder(run)) or (lambda key: [])
    return [
        captions_of(block.description(sample), block.text(sample)) + further(block.key(sample))
        for block in blocks_of(data)
        for sample in range(len(block))
    ]


def make_loader(
    data: DataSet, tokenizer: CaptionTokenizer, *, image_px: int = 32, cache_bytes: int = 0, threads: int = 2,
    read_ahead_bytes: int = 1 << 20, processes: int = 0, **reader: Any,
) -> Loader:  # fmt: skip
    """Return a loader of `data`."""
    rows = RowReader(data, image_px=image_px, cache_bytes=cache_bytes, **reader)
    return Loader(data, rows, tokenizer, decode_threads=threads, read_ahead_bytes=read_ahead_bytes, processes=processes)


def one_batch(loader: Loader, step: int, size: int, first: int = 0, last: int | None = None) -> Batch:
    """Return rows of one global batch."""
    return next(loader.batches([step], size, first, size if last is None else last))
