"""Several sources: exact shares at all times, the same rows for any number of workers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.order.mixture import MAX_WEIGHT, Mixture, Rows
from trainer.data.order.sample_order import SampleOrder


def mixture(weights: list[int], sizes: tuple[int, ...] = (300, 40, 7, 90)) -> Mixture:
    orders = [
        SampleOrder(np.array([size, 5], dtype=np.int32), seed=number, pool=64, streams=8)
        for number, size in enumerate(sizes[: len(weights)])
    ]
    return Mixture(orders, weights)


def listed(rows: Rows) -> list[tuple[int, int, int, int]]:
    return list(
        zip(rows.sources.tolist(), rows.epochs.tolist(), rows.blocks.tolist(), rows.samples.tolist(), strict=True)
    )


weights = st.lists(st.integers(1, 1_000_000_007), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(weights=weights, row=st.integers(0, 10**13))
def test_counts_are_exact_and_never_fall(weights: list[int], row: int) -> None:
    mixed = mixture(weights)
    before, after = mixed.places_before(row), mixed.places_before(row + 1)
    assert sum(before) == row
    steps = [now - then for then, now in zip(before, after, strict=True)]
    assert sorted(steps) == [0] * (len(weights) - 1) + [1]
    for count, weight in zip(before, weights, strict=True):
        assert abs(count - row * weight / sum(weights)) < len(weights) + row * 1e-12


@settings(max_examples=60, deadline=None)
@given(weights=weights, step=st.integers(0, 10**7), size=st.integers(1, 200), workers=st.integers(1, 9))
def test_the_workers_rows_are_the_batch(weights: list[int], step: int, size: int, workers: int) -> None:
    mixed = mixture(weights)
    parts = [
        row
        for worker in range(workers)
        for row in listed(mixed.rows(step, size, worker * size // workers, (worker + 1) * size // workers))
    ]
    assert parts == listed(mixture(weights).rows(step, size, 0, size))
    given_by = [sum(row[0] == source for row in parts) for source in range(len(weights))]
    before, after = mixed.places_before(step * size), mixed.places_before((step + 1) * size)
    assert given_by == [now - then for then, now in zip(before, after, strict=True)]


def test_each_source_has_its_own_passes() -> None:
    mixed = mixture([1, 3], (45, 15))
    rows = [row for step in range(40) for row in listed(mixed.rows(step, 10, 0, 10))]
    for source, size in ((0, 50), (1, 20)):
        own = [row[1:] for row in rows if row[0] == source]
        whole = [row for row in own if row[0] < len(own) // size]
        assert len(set(whole)) == len(whole) == len(own) // size * size


def test_every_worker_holds_the_mixture() -> None:
    mixed = mixture([9, 1])
    shares = [np.mean(mixed.rows(3, 400, first, first + 50).sources) for first in range(0, 400, 50)]
    assert 0.08 <= min(shares) <= max(shares) <= 0.12


@pytest.mark.parametrize("wrong", [[1], [1, 0], [1, 2, 3], [1, MAX_WEIGHT]])
def test_weights_that_do_not_fit_are_errors(wrong: list[int]) -> None:
    orders = [SampleOrder(np.array([5], dtype=np.int32), seed=0) for _ in range(2)]
    with pytest.raises(ValueError, match="weight of at least 1 for each of 2 sources"):
        Mixture(orders, wrong)


def test_no_source_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one source, found none"):
        Mixture([], [])


def test_cuts_keep_a_stream_in_one_part_and_parts_equal() -> None:
    order = SampleOrder(np.full(300, 320, dtype=np.int32), seed=1, pool=8_192)
    mixture = Mixture([order], [1])
    for batch_size, first, last, parts in ((4_096, 0, 4_096, 2), (4_000, 500, 2_000, 3), (2_100, 0, 2_100, 4)):
        streams: list[set[int]] = [set() for _ in range(parts)]
        for step in range(8):
            cuts = mixture.cuts(step, batch_size, first, last, parts)
            assert (cuts[0], cuts[-1], cuts) == (first, last, sorted(cuts))
            for part in range(parts):
                found = order._sorted_rows(step * batch_size, (step + 1) * batch_size, cuts[part], cuts[part + 1])[0]
                streams[part] |= set(np.unique(found).tolist())
                equal = (last - first) / parts
                assert abs(cuts[part + 1] - cuts[part] - equal) <= equal / (batch_size // order.num_streams) + 8
        assert all(not left & right for left, right in pairwise(streams))


def test_rows_before_a_stream_are_counted_over_the_end_of_an_epoch() -> None:
    order = SampleOrder(np.full(11, 97, dtype=np.int32), seed=1, pool=64, streams=16)
    for start, stop in ((0, 50), (1_000, 1_100), (1_060, 1_067), (1_067, 1_100), (900, 2_300)):
        streams = order._sorted_rows(start, stop, 0, stop - start)[0]
        for stream in (0, 1, 7, 16):
            assert order.rows_before(start, stop, stream) == int((streams < stream).sum())


def test_few_rows_or_several_sources_are_cut_by_rows_alone() -> None:
    order = SampleOrder(np.full(300, 320, dtype=np.int32), seed=1, pool=8_192)
    assert Mixture([order], [1]).cuts(3, 600, 100, 500, 4) == [100, 200, 300, 400, 500]
    assert Mixture([order, order], [1, 1]).cuts(3, 8_000, 1_000, 5_000, 2) == [1_000, 3_000, 5_000]
