"""Drawn bits: a hash of seed, epoch and sample; their count and place as a naive search finds them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.balance.chances import ALWAYS, UNIT
from trainer.data.balance.drawn_bits import BALANCE_DRAW, SET_BITS, count_bits, draw_bits, draw_key, find_bits
from trainer.data.order.draws import keyed_hash


@settings(max_examples=50, deadline=None)
@given(
    chances=st.lists(st.one_of(st.integers(0, ALWAYS), st.sampled_from([0, 1, ALWAYS])), min_size=1, max_size=100),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**40),
    first_id=st.integers(0, 2**50),
)
def test_a_sample_is_drawn_by_the_hash_of_seed_epoch_and_id(
    chances: list[int], seed: int, epoch: int, first_id: int
) -> None:
    bits = np.zeros((len(chances) + 7) // 8, dtype=np.uint8)
    drawn = draw_bits(np.array(chances, dtype=np.uint32), draw_key(seed, epoch), np.uint64(first_id), bits)
    ids = np.arange(first_id, first_id + len(chances), dtype=np.int64)
    hashes = keyed_hash(seed, np.full(len(ids), epoch), ids, BALANCE_DRAW).tolist()
    wanted = [hash_ * UNIT >> 64 < chance or chance == ALWAYS for hash_, chance in zip(hashes, chances, strict=True)]
    assert np.unpackbits(bits, bitorder="little").tolist() == [*map(int, wanted), *[0] * (-len(chances) % 8)]
    assert drawn == sum(wanted)


@settings(max_examples=100, deadline=None)
@given(flags=st.lists(st.booleans(), min_size=1, max_size=200), data=st.data())
def test_bits_are_counted_and_found_in_any_range(flags: list[bool], data: st.DataObject) -> None:
    bits = np.packbits(np.array(flags), bitorder="little")
    first = data.draw(st.integers(0, len(flags)))
    last = data.draw(st.integers(first, len(flags)))
    firsts, sizes, counts = np.array([first]), np.array([last - first], dtype=np.int32), np.zeros(1, dtype=np.int32)
    count_bits(bits, firsts, sizes, SET_BITS, counts)
    wanted = [place for place in range(last - first) if flags[first + place]]
    assert counts.tolist() == [len(wanted)]
    numbers = np.arange(len(wanted) + 1, dtype=np.int32)
    places = np.empty(len(numbers), dtype=np.int32)
    find_bits(bits, firsts.repeat(len(numbers)), sizes.repeat(len(numbers)), SET_BITS, numbers, places)
    assert places.tolist() == [*wanted, -1]


@pytest.mark.parametrize("chance", [0.02, 0.5, 0.97])
def test_chances_come_true(chance: float) -> None:
    chances = np.full(200_000, round(chance * UNIT), dtype=np.uint32)
    deviation = (len(chances) * chance * (1 - chance)) ** 0.5
    for epoch in range(5):
        drawn = draw_bits(chances, draw_key(3, epoch), np.uint64(0), np.zeros(25_000, dtype=np.uint8))
        assert abs(drawn - len(chances) * chance) < 5 * deviation
