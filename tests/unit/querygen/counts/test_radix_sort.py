"""Keys and rows sorted against numpy's."""

import numpy as np
import pytest

from querygen.counts.radix_sort import order_by_hash, sort_keys


@pytest.mark.parametrize("bits", [1, 11, 12, 40, 64])
def test_keys_are_sorted(bits: int) -> None:
    keys = np.random.default_rng(bits).integers(0, 2**bits, 5000, dtype=np.uint64, endpoint=False)
    assert np.array_equal(sort_keys(keys.copy(), np.empty_like(keys), 0, bits), np.sort(keys))


def test_order_by_hash() -> None:
    choose = np.random.default_rng(0)
    heads = choose.integers(0, 40, 3000, dtype=np.uint64) << np.uint64(58)  # many begin alike
    word_hashes = np.append(heads | choose.integers(0, 3, 3000, dtype=np.uint64), np.arange(9, dtype=np.uint64) << 40)
    hashes = choose.permutation(len(word_hashes)).astype(np.uint64)
    assert np.array_equal(order_by_hash(word_hashes, hashes), np.lexsort((hashes, word_hashes)))
