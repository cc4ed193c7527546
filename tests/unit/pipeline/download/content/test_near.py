"""Hashes near a set's: the same as a plain comparison."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.content.near import NearHashes, bit_counts, hash_words, packed, unpacked

HASHES = st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=20)


@given(HASHES, st.integers(0, (1 << 64) - 1), st.integers(0, 64))
def test_the_nearest_is_that_of_a_plain_search(hashes: list[int], asked: int, max_bits: int) -> None:
    distances = [(value ^ asked).bit_count() for value in hashes]
    least = min(distances)
    expected = (distances.index(least), least) if least <= max_bits else None
    assert NearHashes(np.array(hashes, np.uint64), max_bits).nearest(f"{asked:016x}") == expected


def test_an_empty_set_is_near_nothing_and_hashes_travel_as_text() -> None:
    assert NearHashes(unpacked(""), 16).nearest("0" * 16) is None
    words = hash_words(["00000000000000ff", "ffffffffffffffff"])
    assert unpacked(packed(words)).tolist() == words.tolist() == [255, (1 << 64) - 1]
    assert bit_counts(words).tolist() == [8, 64]
