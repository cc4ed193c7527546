"""Samples to batches, which depend on neither the workers nor the cache."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.small_shards import captions, write_shards
from trainer.data.loader import Batch, Loader, SampleReader
from trainer.data.shard_index import read_shards
from trainer.distributed import local_rows
from trainer.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer([text for number in range(60) for text in captions(number)], vocab_size=600,
                            context_length=24)  # fmt: skip


def make_loader(directory: Path, seed: int = 0, cache_bytes: int = 2**24) -> Loader:
    reader = SampleReader(read_shards((str(directory),)), image_px=32, cache_bytes=cache_bytes)
    return Loader(reader, TOKENIZER, seed=seed, decode_threads=2)


def equal(left: Batch, parts: list[Batch]) -> bool:
    images = np.concatenate([part.images_b3PP.numpy() for part in parts])
    ends = np.concatenate([part.eos_b.numpy() for part in parts])
    texts = [row[: end + 1].tolist() for part in parts for row, end in zip(part.tokens_bL, part.eos_b, strict=True)]
    wanted = [row[: end + 1].tolist() for row, end in zip(left.tokens_bL, left.eos_b, strict=True)]
    return bool((left.images_b3PP.numpy() == images).all() and (left.eos_b.numpy() == ends).all() and wanted == texts)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_global_batches_do_not_depend_on_the_workers(tmp_path: Path, size: int) -> None:
    loader = make_loader(write_shards(tmp_path, 40))
    for start in (0, 30, 76):
        parts = [local_rows(10, rank, size) for rank in range(size)]
        assert equal(loader.batch(start, start + 10), [loader.batch(start + a, start + b) for a, b in parts])
    loader.close()


def test_cache_changes_nothing(tmp_path: Path) -> None:
    directory = write_shards(tmp_path, 20)
    cached, uncached, small = (make_loader(directory, cache_bytes=size) for size in (2**24, 0, 5 * 3 * 32 * 32))
    for start in (0, 10, 20):
        for other in (uncached, small):
            assert equal(cached.batch(start, start + 10), [other.batch(start, start + 10)])
    assert len(small.reader._cache) == 5


def test_broken_samples_are_replaced_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loader = make_loader(write_shards(tmp_path, 20, broken=(3, 4, 19)))
    with caplog.at_level(logging.WARNING):
        batch = loader.batch(0, 20)
        again = loader.batch(0, 20)
    assert batch.replaced == 3
    assert equal(batch, [again])
    assert sorted(batch.indices.tolist()) == list(range(20))
    for own, used in ((3, 5), (4, 5), (19, 0)):
        assert (loader.reader.read(own)[0], loader.reader.read(own)[1].shape) == (used, (3, 32, 32))
    assert caplog.text.count("replaced") == 3


def test_only_broken_samples_end_the_run(tmp_path: Path) -> None:
    loader = make_loader(write_shards(tmp_path, 4, broken=(0, 1, 2, 3)))
    ranges: Iterator[tuple[int, int]] = iter([(0, 4)])
    with pytest.raises(ValueError, match="do not decode"):
        next(loader.batches(ranges))


def test_batches_are_made_ahead_in_order(tmp_path: Path) -> None:
    loader = make_loader(write_shards(tmp_path, 20))
    made = list(loader.batches(iter([(0, 5), (5, 10), (10, 15)])))
    assert equal(loader.batch(0, 15), made)


def test_captions_of_an_image_change_between_epochs(tmp_path: Path) -> None:
    loader = make_loader(write_shards(tmp_path, 3))
    lengths = set()
    for epoch in range(12):
        batch = loader.batch(3 * epoch, 3 * epoch + 3)
        lengths.add(int(batch.eos_b[batch.indices.tolist().index(2)]))
    assert len(lengths) == 3
