"""The map of byte strings against a dictionary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kernels import bytes_map
from schemas.kernels.bytes_map import BytesMap, find, guess

STRINGS = st.lists(st.one_of(st.binary(max_size=2), st.binary(max_size=40)), max_size=60)


def entries_of(table: BytesMap, strings: list[bytes]) -> list[int]:
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    begins = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]]) if strings else ends
    return table.enter_many(np.frombuffer(b"".join(strings), dtype=np.uint8), begins, ends).tolist()


def entry_of(table: BytesMap, string: bytes) -> int:
    return int(find(np.frombuffer(string, dtype=np.uint8), 0, len(string), table.arrays)[0])


@settings(max_examples=200, deadline=None)
@given(STRINGS, STRINGS, STRINGS)
def test_numbers_equal_a_dictionary(first: list[bytes], second: list[bytes], asked: list[bytes]) -> None:
    table = BytesMap()
    numbers: dict[bytes, int] = {}
    for some in (first, second):
        wanted = [numbers.setdefault(string, len(numbers)) for string in some]
        assert entries_of(table, some) == wanted
    assert [entry_of(table, string) for string in asked] == [numbers.get(string, -1) for string in asked]
    assert table.to_arrow().to_pylist() == list(numbers)
    for string in numbers:
        guessed = int(guess(np.frombuffer(string, dtype=np.uint8), 0, len(string), table.arrays))
        assert guessed in (-1, numbers[string])


def test_grows_and_stays_at_most_three_quarters_full() -> None:
    table = BytesMap()
    strings = [b"%d" % number for number in range(50_000)]
    for begin in range(0, len(strings), 7_000):
        entries_of(table, strings[begin : begin + 7_000])
        assert 4 * len(table) <= 3 * len(table.arrays.slots)
    assert entries_of(table, strings[::-1]) == list(range(len(strings)))[::-1]
    assert table.to_arrow().to_pylist() == strings


def test_strings_that_all_collide_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """One slot's worth of room: every string but the first is found by going on from its home."""
    monkeypatch.setattr(bytes_map, "_FIRST_SLOTS", 4)
    table = BytesMap()
    strings = [b"a", b"b", b"c"]
    assert entries_of(table, strings) == [0, 1, 2]
    assert len(table.arrays.slots) == 4
    assert [entry_of(table, string) for string in [*strings, b"d", b""]] == [0, 1, 2, -1, -1]


def test_more_than_a_number_holds_is_refused() -> None:
    with pytest.raises(OverflowError, match="at most 3 billion"):
        BytesMap().reserve(1 << 33, 0)
