"""Draws are functions of their keys, the same in numpy and in kernels, and look random."""

import numpy as np

from schemas.kernels.compiled import kernel
from trainer.data.order.draws import key_of, keyed_hash, mix, mixed


@kernel
def _mixed_each(values):
    return np.array([mixed(value) for value in values])


def test_a_kernel_mixes_as_numpy_does() -> None:
    values = np.array([0, 1, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15], dtype=np.uint64)
    assert _mixed_each(values).tolist() == mix(values).tolist()


def test_known_values_of_splitmix() -> None:
    """The first outputs of SplitMix64 seeded with 0: state 0, then the increment once."""
    assert mix(np.array([0, 0x9E3779B97F4A7C15], dtype=np.uint64)).tolist() == [
        0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4,
    ]  # fmt: skip


def test_keys_depend_on_each_number_and_their_order() -> None:
    keys = {int(key_of(*numbers)) for numbers in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (0, 1), (0,), (0, 1, 2, 0))}
    assert len(keys) == 6


def test_draws_of_two_purposes_and_two_epochs_differ() -> None:
    rows = np.arange(50)
    assert (keyed_hash(0, rows * 0, rows, 1) != keyed_hash(0, rows * 0, rows, 2)).all()
    assert (keyed_hash(0, rows * 0, rows, 1) != keyed_hash(0, rows * 0 + 1, rows, 1)).all()


def test_every_bit_is_set_half_of_the_time() -> None:
    rows = np.arange(20_000)
    bits = np.unpackbits(keyed_hash(7, rows * 0, rows, 1).view(np.uint8).reshape(-1, 8), axis=1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(len(rows))
