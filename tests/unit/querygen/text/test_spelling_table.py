"""The table of spellings against a dictionary, however full it is and whatever begins alike."""

from collections import Counter

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text.spelling_table import (
    ARENA_USED,
    COUNTED,
    HASH,
    NUM_SURFACES,
    NUMBER_MASK,
    PLACE,
    WORD_HASH,
    Counts,
    bytes_hash,
    count_at,
    find,
    insert,
    load,
    move_rows,
)

SPELLINGS = st.one_of(
    st.binary(min_size=1, max_size=3),
    st.sampled_from(
        [b"a" * 7, b"a" * 8, b"a" * 9, b"a" * 16, b"a" * 17, b"a" * 16 + b"b", b"b" + b"a" * 16, b"a" * 300]
    ),
    st.binary(min_size=8, max_size=40),
)


def chunks_of(spelling: bytes, before: int) -> npt.NDArray[np.uint64]:
    """Return the spelling as it stands in a text: `before` bytes behind its begin, others behind it."""
    data = b"x" * before + spelling + b"y" * 9
    return np.frombuffer(data.ljust(len(data) // 8 * 8 + 24, b"z"), np.uint64)


def new_counts(slots: int) -> Counts:
    room = 64 * slots
    return Counts(
        np.zeros((slots, 4), np.uint64), np.empty(room, np.uint64), np.empty(0, np.uint64), np.zeros(8, np.int64)
    )


def count(spelling: bytes, before: int, counts: Counts, value: int | None = None) -> int:
    chunks, size = chunks_of(spelling, before), len(spelling)
    hashed = np.uint64(bytes_hash(chunks, before, size) if value is None else value)
    slot = find(chunks, before, size, hashed, counts)
    if counts.table[slot, COUNTED] == 0:
        insert(chunks, before, size, hashed, np.uint64(size), slot, counts)
    return int(count_at(slot, counts))


def spellings(counts: Counts) -> dict[bytes, tuple[int, int, int]]:
    """Return (number, count, hash of the word) of each spelling, read from table and arena as the sorted run does."""
    found = {}
    arena = counts.arena.view(np.uint8)
    for row in counts.table[counts.table[:, COUNTED] != 0]:
        begin, size = int(row[PLACE]) >> 11, int(row[PLACE]) & 2047
        number = int(row[COUNTED] & NUMBER_MASK) - 1
        found[arena[begin : begin + size].tobytes()] = (number, int(row[COUNTED]) >> 32, int(row[WORD_HASH]))
    return found


@settings(max_examples=100)
@given(st.lists(st.tuples(SPELLINGS, st.integers(0, 9)), max_size=30), st.booleans())
def test_counts_equal_a_dictionary(rows: list[tuple[bytes, int]], collide: bool) -> None:
    counts = new_counts(64)
    numbers: dict[bytes, int] = {}
    for spelling, before in rows:
        # Spellings of up to eight bytes are told apart by their hash alone, so only longer ones may share one.
        value = 63 if collide and len(spelling) > 8 else None
        assert count(spelling, before, counts, value) == numbers.setdefault(spelling, len(numbers))
    times = Counter(spelling for spelling, _ in rows)
    assert spellings(counts) == {text: (number, times[text], len(text)) for text, number in numbers.items()}
    assert counts.state[NUM_SURFACES] == len(numbers)
    assert counts.state[ARENA_USED] == sum((len(text) + 7) // 8 for text in numbers)
    larger = np.zeros((256, 4), np.uint64)
    move_rows(counts.table, larger)
    moved = Counts(larger, counts.arena, counts.keys, counts.state)
    assert spellings(moved) == spellings(counts)
    for spelling, before in rows:  # all are found again
        value = 63 if collide and len(spelling) > 8 else None
        assert count(spelling, before, moved, value) == numbers[spelling]


@given(SPELLINGS, st.integers(0, 9), st.integers(0, 9))
def test_a_hash_is_of_the_bytes_alone(spelling: bytes, one: int, other: int) -> None:
    found = [bytes_hash(chunks_of(spelling, before), before, len(spelling)) for before in (one, other)]
    assert found[0] == found[1]


@given(st.binary(min_size=1, max_size=8), st.binary(min_size=1, max_size=8))
def test_of_short_spellings_no_two_have_one_hash(left: bytes, right: bytes) -> None:
    left, right = left.rstrip(b"\0") or b"a", right.rstrip(b"\0") or b"a"  # a text has no zero bytes
    found = [bytes_hash(chunks_of(spelling, 0), 0, len(spelling)) for spelling in (left, right)]
    assert (found[0] == found[1]) == (left == right)


@given(st.binary(min_size=24, max_size=24), st.integers(0, 15))
def test_eight_bytes_are_loaded_from_any_place(data: bytes, place: int) -> None:
    assert load(np.frombuffer(data, np.uint64), place) == int.from_bytes(data[place : place + 8], "little")


def test_a_table_two_thirds_full_still_ends_its_searches_round_the_end() -> None:
    counts = new_counts(64)
    for number in range(42):
        assert count(b"long enough %d" % number, 0, counts, value=62) == number
    taken = np.flatnonzero(counts.table[:, COUNTED])
    assert taken.tolist() == [*range(40), 62, 63]
    assert set(counts.table[taken, HASH].tolist()) == {62}
