"""Blocks cover every shard without gap, at places whose offsets the index knows, in near-equal parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.order.blocks import BLOCK_BYTES, STRIDE, cut_blocks, samples_per_block


@settings(max_examples=200, deadline=None)
@given(counts=st.lists(st.integers(0, 5_000), max_size=12), per_block=st.integers(1, 700))
def test_blocks_cover_each_shard_once(counts: list[int], per_block: int) -> None:
    blocks = cut_blocks(np.array(counts, dtype=np.int64), per_block)
    covered = [
        (shard, place)
        for shard, first, size in zip(blocks.shards.tolist(), blocks.first.tolist(), blocks.sizes.tolist(), strict=True)
        for place in range(first, first + size)
    ]
    assert covered == [(shard, place) for shard, count in enumerate(counts) for place in range(count)]
    assert (blocks.first % STRIDE == 0).all()
    assert (blocks.sizes > 0).all()
    assert blocks.numbers.tolist() == (np.cumsum(blocks.sizes) - blocks.sizes).tolist()


@settings(max_examples=100, deadline=None)
@given(count=st.integers(1, 100_000), parts=st.integers(1, 30))
def test_blocks_of_a_shard_are_near_equal_and_large_enough(count: int, parts: int) -> None:
    per_block = parts * STRIDE
    sizes = cut_blocks(np.array([count]), per_block).sizes
    if count >= per_block:
        assert sizes.min() > per_block - STRIDE
        assert sizes.max() < 2 * per_block + STRIDE
    else:
        assert sizes.tolist() == [count]


@pytest.mark.parametrize("sample_bytes", [1, 500, 28_000, 300_000, 40_000_000])
def test_a_block_reaches_the_bytes_that_a_request_should_have(sample_bytes: int) -> None:
    per_block = samples_per_block(1_000, 1_000 * sample_bytes)
    assert per_block % STRIDE == 0
    least = cut_blocks(np.array([10 * per_block]), per_block).sizes.min()
    assert least * sample_bytes >= BLOCK_BYTES


def test_nothing_is_known_of_an_empty_set() -> None:
    assert samples_per_block(0, 0) == STRIDE
    assert len(cut_blocks(np.array([], dtype=np.int64), STRIDE)) == 0


def test_counts_that_are_none_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"0 \.\. 2\*\*31 - 1 samples, found -1 \.\. 5"):
        cut_blocks(np.array([5, -1]), STRIDE)
    with pytest.raises(ValueError, match="at least 1, found 0"):
        cut_blocks(np.array([5]), 0)
