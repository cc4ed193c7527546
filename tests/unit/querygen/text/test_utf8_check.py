"""UTF-8 check: the same verdict as Python's decoder for any bytes."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from querygen.text.utf8_check import PADDING, check_utf8


def check(text: bytes) -> tuple[bool, bool]:
    # The padding is filled with what would be wrong, so that it shows when it is read.
    padded = np.frombuffer(b"\xff" * PADDING + text + b"\xe0" * PADDING, dtype=np.uint8).copy()
    valid, ampersand = check_utf8(padded, PADDING, PADDING + len(text))
    assert padded[PADDING : PADDING + len(text)].tobytes() == text
    return bool(valid), bool(ampersand)


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


EDGES = (0x00, 0x26, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
         0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF)  # fmt: skip


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_every_short_string_of_edge_bytes(length: int) -> None:
    for parts in itertools.product(EDGES, repeat=length):
        text = bytes(parts)
        assert check(text) == (is_utf8(text), b"&" in text), text


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(EDGES), max_size=80).map(bytes)))
@example(b"\xf4\x8f\xbf\xbf")
@example(b"\xf4\x90\x80\x80")
@example(b"\xf0\x8f\xbf\xbf")
@example(b"a" * 100 + b"\xe2\x82")
def test_any_bytes(text: bytes) -> None:
    assert check(text) == (is_utf8(text), b"&" in text)


@settings(max_examples=300)
@given(st.text(max_size=100), st.integers(0, 400), st.integers(0, 255))
def test_one_byte_changed(text: str, position: int, byte: int) -> None:
    encoded = bytearray(text.encode())
    assert check(bytes(encoded))[0]
    if encoded:
        encoded[position % len(encoded)] = byte
        assert check(bytes(encoded))[0] == is_utf8(bytes(encoded))
