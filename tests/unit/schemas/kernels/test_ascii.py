"""Kinds of bytes: as Python tells them of every byte."""

import numpy as np

from schemas.kernels import ascii as named

BYTES = [bytes([number]) for number in range(256)]


def test_kinds_are_those_of_python() -> None:
    for number, byte in enumerate(BYTES):
        assert named.is_space(np.uint8(number)) == byte.isspace()
        assert named.is_digit(np.uint8(number)) == byte.isdigit()
        assert named.is_small_letter(np.uint8(number)) == byte.islower()
        assert bytes([named.small_letter(np.uint8(number))]) == byte.lower()


def test_hexadecimal_digits() -> None:
    found = {byte: named.hexadecimal(np.uint8(number)) for number, byte in enumerate(BYTES)}
    digits = {digit.encode(): int(digit, 16) for digit in "0123456789abcdefABCDEF"}
    assert found == {byte: digits.get(byte, -1) for byte in BYTES}
