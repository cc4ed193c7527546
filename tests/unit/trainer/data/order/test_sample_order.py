"""The order is a permutation per epoch, a pure function of the place, the same for all workers, and local."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.order.blocks import Blocks, cut_blocks
from trainer.data.order.sample_order import Places, SampleOrder

orders = st.builds(
    lambda counts, per_block, streams, per_stream, seed: (
        cut_blocks(np.array([1, *counts]), per_block),
        {"seed": seed, "pool": streams * per_stream, "streams": streams},
    ),
    st.lists(st.integers(0, 300), max_size=8),
    st.sampled_from([32, 64, 96]),
    st.integers(1, 9),
    st.integers(1, 60),
    st.integers(0, 2**63),
)


def listed(places: Places) -> list[tuple[int, int, int]]:
    return list(zip(places.epochs.tolist(), places.blocks.tolist(), places.samples.tolist(), strict=True))


def batch(order: SampleOrder, step: int, size: int, worker: int = 0, workers: int = 1) -> Places:
    return order.rows(step * size, (step + 1) * size, worker * size // workers, (worker + 1) * size // workers)


@settings(max_examples=60, deadline=None)
@given(made=orders, size=st.integers(1, 500))
def test_every_sample_comes_once_in_every_epoch(made: tuple[Blocks, dict[str, int]], size: int) -> None:
    blocks, options = made
    order = SampleOrder(blocks.sizes, **options)
    rows = [row for step in range(-(-2 * order.num_samples // size)) for row in listed(batch(order, step, size))]
    all_samples = [(block, sample) for block, count in enumerate(blocks.sizes.tolist()) for sample in range(count)]
    for epoch in (0, 1):
        assert sorted((block, sample) for at, block, sample in rows if at == epoch) == all_samples


@settings(max_examples=60, deadline=None)
@given(made=orders, size=st.integers(1, 500), step=st.integers(0, 30), workers=st.integers(1, 11))
def test_the_workers_rows_are_the_batch(
    made: tuple[Blocks, dict[str, int]], size: int, step: int, workers: int
) -> None:
    order = SampleOrder(made[0].sizes, **made[1])
    parts = [row for worker in range(workers) for row in listed(batch(order, step, size, worker, workers))]
    assert parts == listed(batch(SampleOrder(made[0].sizes, **made[1]), step, size))


@settings(max_examples=40, deadline=None)
@given(made=orders, size=st.integers(1, 200))
def test_no_block_is_needed_after_its_expiry(made: tuple[Blocks, dict[str, int]], size: int) -> None:
    order = SampleOrder(made[0].sizes, **made[1])
    expiry: dict[tuple[int, int], int] = {}
    for step in range(-(-2 * order.num_samples // size)):
        found = batch(order, step, size)
        assert (found.expiries > step * size).all()
        for epoch, block, last in zip(
            found.epochs.tolist(), found.blocks.tolist(), found.expiries.tolist(), strict=True
        ):
            assert expiry.setdefault((epoch, block), last) == last


def test_a_block_expires_soon_after_its_window() -> None:
    """A worker holds the blocks of its streams' windows and few more."""
    blocks = cut_blocks(np.full(40, 3_200), 320)
    order = SampleOrder(blocks.sizes, seed=0, pool=16_384, streams=16)
    live: dict[int, int] = {}
    most = 0
    for step in range(order.num_samples // 256):
        live = {block: last for block, last in live.items() if last > step * 256}
        found = batch(order, step, 256)
        live.update(zip(found.blocks.tolist(), found.expiries.tolist(), strict=True))
        most = max(most, len(live))
    windows = 16 * (1_024 / 320 + 2)
    assert most < 1.5 * windows


def test_a_worker_with_whole_streams_fetches_what_it_uses() -> None:
    blocks = cut_blocks(np.full(40, 3_200), 320)
    order = SampleOrder(blocks.sizes, seed=0, pool=16_384, streams=16)
    used = [set(), set(), set(), set()]
    for step in range(order.num_samples // 256):
        for worker, seen in enumerate(used):
            seen.update(batch(order, step, 256, worker, 4).blocks.tolist())
    assert sum(map(len, used)) <= len(blocks) + 3


def test_a_set_that_fits_the_pool_is_shuffled_as_a_whole() -> None:
    order = SampleOrder(cut_blocks(np.array([500, 500]), 32).sizes, seed=1)
    assert (order.num_streams, order.window) == (1, 1_000)
    first = order.rows(0, 1_000, 0, 1_000)
    numbers = order_numbers(order, first)
    assert np.abs(np.corrcoef(np.arange(1_000), numbers)[0, 1]) < 0.15
    assert sorted(numbers) == list(range(1_000))


def order_numbers(order: SampleOrder, places: Places) -> list[int]:
    numbers = np.cumsum(order._sizes) - order._sizes
    return (numbers[places.blocks] + places.samples).tolist()


def test_epochs_and_seeds_differ() -> None:
    sizes = cut_blocks(np.array([1_000]), 32).sizes
    first = listed(SampleOrder(sizes, seed=0).rows(0, 2_000, 0, 2_000))
    other = listed(SampleOrder(sizes, seed=1).rows(0, 2_000, 0, 2_000))
    assert sum(a[1:] == b[1:] for a, b in zip(first[:1_000], first[1_000:], strict=True)) < 20
    assert sum(a == b for a, b in zip(first, other, strict=True)) < 40


def test_the_shuffle_of_a_window_looks_uniform() -> None:
    """Mean place of each of the first 100 samples over 400 epochs: 49.5 +- 28.9 / 20."""
    order = SampleOrder(np.array([100], dtype=np.int32), seed=5)
    samples = order.rows(0, 400 * 100, 0, 400 * 100).samples
    epochs = order.rows(0, 400 * 100, 0, 400 * 100).epochs
    position_of = np.argsort(samples[np.argsort(epochs, kind="stable")].reshape(400, 100), axis=1)
    assert np.abs(position_of.mean(axis=0) - 49.5).max() < 5 * 28.9 / 20


def test_golden_order() -> None:
    order = SampleOrder(cut_blocks(np.array([70, 40]), 32).sizes, seed=0, pool=40, streams=4)
    assert listed(order.rows(100, 116, 0, 16)) == GOLDEN


GOLDEN = [
    (0, 1, 22), (0, 1, 24), (0, 1, 26), (1, 1, 1), (1, 1, 0), (0, 2, 17), (0, 2, 16), (0, 2, 15),
    (1, 1, 32), (1, 1, 29), (0, 2, 38), (0, 0, 4), (1, 2, 18), (0, 0, 26), (0, 0, 25), (1, 0, 6),
]  # fmt: skip


def test_bad_numbers_are_errors() -> None:
    with pytest.raises(ValueError, match="at least 1 sample, found 0"):
        SampleOrder(np.array([], dtype=np.int32), seed=0)
    with pytest.raises(ValueError, match="each of 512 streams, found 100"):
        SampleOrder(np.array([5], dtype=np.int32), seed=0, pool=100)
