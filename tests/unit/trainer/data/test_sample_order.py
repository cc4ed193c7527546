"""The order is a permutation per epoch, and a pure function of (seed, place)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.sample_order import keyed_hash, samples_at


@settings(max_examples=60, deadline=None)
@given(num_samples=st.integers(1, 700), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 50))
def test_every_sample_comes_once_in_every_epoch(num_samples: int, seed: int, epoch: int) -> None:
    places = np.arange(epoch * num_samples, (epoch + 1) * num_samples)
    epochs, indices = samples_at(places, seed=seed, num_samples=num_samples)
    assert (epochs == epoch).all()
    assert sorted(indices.tolist()) == list(range(num_samples))


@settings(max_examples=30, deadline=None)
@given(num_samples=st.integers(1, 10**12), places=st.lists(st.integers(0, 10**15), min_size=1, max_size=20))
def test_a_place_alone_gives_what_it_gives_among_others(num_samples: int, places: list[int]) -> None:
    together = samples_at(np.array(places), seed=3, num_samples=num_samples)
    for row, place in enumerate(places):
        alone = samples_at(np.array([place]), seed=3, num_samples=num_samples)
        assert (alone[0][0], alone[1][0]) == (together[0][row], together[1][row])
        assert 0 <= alone[1][0] < num_samples


def test_epochs_and_seeds_differ() -> None:
    places = np.arange(3000)
    _, first = samples_at(places, seed=0, num_samples=1000)
    _, other = samples_at(places, seed=1, num_samples=1000)
    assert (first[:1000] == first[1000:2000]).mean() < 0.02
    assert (first == other).mean() < 0.02
    assert (first[:1000] == np.arange(1000)).mean() < 0.02


def test_the_order_looks_uniform() -> None:
    # mean position of each of the first 100 samples over 400 epochs: 49.5 +- 28.9 / 20
    _, indices = samples_at(np.arange(400 * 100), seed=5, num_samples=100)
    position_of = np.argsort(indices.reshape(400, 100), axis=1)
    assert np.abs(position_of.mean(axis=0) - 49.5).max() < 5 * 28.9 / 20


def test_golden_order() -> None:
    _, indices = samples_at(np.arange(12), seed=0, num_samples=10)
    assert indices.tolist() == GOLDEN


GOLDEN = [8, 4, 6, 3, 9, 1, 0, 2, 5, 7, 3, 0]


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1, found 0"):
        samples_at(np.arange(1), seed=0, num_samples=0)


def test_draws_of_two_purposes_differ() -> None:
    rows = np.arange(50)
    assert (keyed_hash(0, rows * 0, rows, 1) != keyed_hash(0, rows * 0, rows, 2)).all()
