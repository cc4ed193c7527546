"""Every code point is written as Python writes it."""

import numpy as np
import pytest

from schemas.kernels.utf8 import write_character

EDGES = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]


@pytest.mark.parametrize("code", EDGES, ids=hex)
def test_the_ends_of_each_size(code: int) -> None:
    out = np.zeros(8, dtype=np.uint8)
    end = write_character(code, out, 1)
    assert out[1:end].tobytes() == chr(code).encode()
    assert out[0] == 0
    assert not out[end:].any()


def test_code_points_from_everywhere() -> None:
    out = np.zeros(4, dtype=np.uint8)
    for code in range(0, 0x110000, 251):
        if not 0xD800 <= code < 0xE000:
            assert out[: write_character(code, out, 0)].tobytes() == chr(code).encode()


def test_a_surrogate_becomes_no_utf8() -> None:
    out = np.zeros(4, dtype=np.uint8)
    end = write_character(0xD800, out, 0)
    with pytest.raises(UnicodeDecodeError):
        out[:end].tobytes().decode()
