"""Prefix codes: bits by place, lengths as bzip2 writes them, canonical codes made of them in plain Python."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki.bzip2.codes import LOOK_BITS, MAX_CODE_BITS, PADDING, long_code, make_table, peek, read_lengths


def packed(bits: str) -> npt.NDArray[np.uint8]:
    whole = bits.ljust((len(bits) + 7) // 8 * 8, "0")
    return np.frombuffer(bytes(int(whole[i : i + 8], 2) for i in range(0, len(whole), 8)) + bytes(PADDING), np.uint8)


@given(st.binary(min_size=1, max_size=12), st.integers(0, 95), st.integers(1, 32))
def test_bits_from_any_place(data: bytes, bit: int, num_bits: int) -> None:
    bit %= 8 * len(data)
    padded = data + bytes(PADDING)
    wanted = bin(int.from_bytes(b"\1" + padded, "big"))[3:][bit : bit + num_bits]
    assert peek(np.frombuffer(padded, np.uint8), bit, num_bits) == int(wanted, 2)


def written(lengths: list[int]) -> str:
    """Return code lengths as bzip2 writes them: the first in five bits, then up (10), down (11) or done (0)."""
    bits, length = f"{lengths[0]:05b}", lengths[0]
    for wanted in lengths:
        bits += ("10" if wanted > length else "11") * abs(wanted - length) + "0"
        length = wanted
    return bits


LENGTHS = st.lists(st.integers(1, MAX_CODE_BITS), min_size=3, max_size=258)


@given(LENGTHS, st.integers(0, 9))
def test_lengths_are_read_as_they_are_written(lengths: list[int], before: int) -> None:
    bits = written(lengths)
    found = np.zeros(258, np.int64)
    end = read_lengths(packed("1" * before + bits), before, len(lengths), found)
    assert end == before + len(bits)
    assert found[: len(lengths)].tolist() == lengths


@pytest.mark.parametrize(
    "bits",
    [
        pytest.param("00000" + "0" * 20, id="no length"),
        pytest.param(f"{MAX_CODE_BITS + 1:05b}" + "0" * 20, id="longer than the longest"),
        pytest.param("00001" + "110" + "0" * 20, id="down to none"),
        pytest.param(f"{MAX_CODE_BITS:05b}" + "100" + "0" * 20, id="up beyond the longest"),
        pytest.param("00101" + "1011" * 40, id="behind the end"),
    ],
)
def test_lengths_of_no_code_are_refused(bits: str) -> None:
    assert read_lengths(packed(bits), 0, 258, np.zeros(258, np.int64)) == -1


def canonical(lengths: list[int]) -> dict[int, str]:
    """Return the code of each symbol: ascending by length, then by symbol."""
    codes, code, before = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths)):
        code <<= length - before
        codes[symbol], before = f"{code:0{length}b}", length
        code += 1
    return codes


@st.composite
def whole_codes(draw: st.DrawFn) -> list[int]:
    """Return lengths that a code can have: a leaf is cut in two, again and again."""
    lengths = [1, 1]
    for _ in range(draw(st.integers(1, 60))):
        place = draw(st.integers(0, len(lengths) - 1)) if draw(st.booleans()) else lengths.index(max(lengths))
        if lengths[place] < MAX_CODE_BITS:
            lengths[place] += 1
            lengths.append(lengths[place])
    return draw(st.permutations(lengths))


@settings(max_examples=100)
@given(whole_codes(), st.data())
def test_a_symbol_is_told_by_its_code_whatever_follows(lengths: list[int], data: st.DataObject) -> None:
    num_symbols = len(lengths)
    look = np.empty(1 << LOOK_BITS, np.uint16)
    limits, offsets = np.empty(MAX_CODE_BITS + 1, np.int64), np.empty(MAX_CODE_BITS + 1, np.int64)
    order = np.empty(258, np.int64)
    make_table(np.array(lengths, np.int64), num_symbols, look, limits, offsets, order)
    for symbol, code in canonical(lengths).items():
        follows = f"{data.draw(st.integers(0, 2**64 - 1)):064b}"
        ahead = int((code + follows)[:64], 2)
        entry = int(look[ahead >> (64 - LOOK_BITS)])
        length = entry & 31
        assert (length == 0) == (len(code) > LOOK_BITS)
        if length == 0:
            entry, length = map(int, long_code(np.uint64(ahead), limits, offsets, order, num_symbols - 1))
        assert length == len(code)
        assert entry >> 5 == (symbol << 1 if symbol <= 1 else (symbol << 2) | 1)


def test_bits_of_no_code_are_told() -> None:
    lengths = np.array([1, MAX_CODE_BITS, MAX_CODE_BITS], np.int64)  # most codes that begin with 1 are of no symbol
    look = np.empty(1 << LOOK_BITS, np.uint16)
    limits, offsets = np.empty(MAX_CODE_BITS + 1, np.int64), np.empty(MAX_CODE_BITS + 1, np.int64)
    order = np.empty(258, np.int64)
    make_table(lengths, 3, look, limits, offsets, order)
    assert long_code(np.uint64(2**64 - 1), limits, offsets, order, 2)[1] == 0
