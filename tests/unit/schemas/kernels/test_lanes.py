"""Many lanes at once are what one lane after the other is."""

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernels import lanes
from schemas.kernels.lanes import LANES, NUMBER_LANES


def _compiled(intrinsic: Any, num_arguments: int) -> Any:
    arguments = ", ".join("abcd"[:num_arguments])
    namespace: dict[str, Any] = {"intrinsic": intrinsic}
    exec(f"def call({arguments}): return intrinsic({arguments})", namespace)
    return numba.njit(namespace["call"])


BETWEEN, EQUAL = _compiled(lanes.bytes_between, 4), _compiled(lanes.bytes_equal, 3)
WORD, FIRST, COUNT = _compiled(lanes.load_word, 2), _compiled(lanes.first_bit, 1), _compiled(lanes.bit_count, 1)
BELOW, SAME = _compiled(lanes.numbers_below, 3), _compiled(lanes.numbers_equal, 3)
BYTES = st.binary(min_size=LANES + 3, max_size=LANES + 3)
BYTE, PLACE = st.integers(0, 255), st.integers(0, 3)


def bits(flags: list[bool]) -> int:
    return sum(flag << place for place, flag in enumerate(flags))


@given(BYTES, PLACE, BYTE, BYTE)
def test_bytes(text: bytes, place: int, low: int, count: int) -> None:
    data = np.frombuffer(text, dtype=np.uint8)
    lane = text[place : place + LANES]
    found = BETWEEN(data, place, np.uint8(low), np.uint8(count))
    assert found == bits([(byte - low) % 256 < count for byte in lane])
    assert EQUAL(data, place, np.uint8(low)) == bits([byte == low for byte in lane])
    assert WORD(data, place) == int.from_bytes(text[place : place + 8], "little")


@given(st.integers(0, 2**64 - 1))
def test_bits(value: int) -> None:
    lowest = next((place for place in range(64) if value >> place & 1), 64)
    assert (FIRST(np.uint64(value)), COUNT(np.uint64(value))) == (lowest, value.bit_count())


@given(st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 2), min_size=NUMBER_LANES + 3,
                max_size=NUMBER_LANES + 3), PLACE, st.integers(-2, 2))  # fmt: skip
def test_numbers(numbers: list[int], place: int, value: int) -> None:
    data = np.array(numbers, dtype=np.int32)
    lane = numbers[place : place + NUMBER_LANES]
    assert BELOW(data, place, np.int32(value)) == bits([number < value for number in lane])
    assert SAME(data, place, np.int32(value)) == bits([number == value for number in lane])


@pytest.mark.parametrize("value", [0, 1, 2**63, 2**64 - 1])
def test_the_ends_of_a_word(value: int) -> None:
    assert COUNT(np.uint64(value)) == value.bit_count()
