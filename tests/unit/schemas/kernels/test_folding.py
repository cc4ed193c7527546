"""The tables fold every character as `schemas.text` does, or say that they are not sure."""

import unicodedata

import numba
import numpy as np
import pytest

from schemas.ignorable import JOINERS, ignorable_codes
from schemas.kernels import folding
from schemas.kernels.folding import (
    APOSTROPHE,
    COMBINING,
    DIGIT,
    IGNORED,
    JOINER,
    LETTER,
    MARK,
    SEPARATOR,
    UNSURE,
    folding_tables,
)
from schemas.text import APOSTROPHES, fold

CODES = [code for code in range(0x30000) if not 0xD800 <= code < 0xE000]


def test_what_is_sure_is_folded_as_texts_are() -> None:
    classes, starts, folded = folding_tables()
    for code in CODES[::7] + CODES[:0x800]:
        if classes[code] in (LETTER, DIGIT, MARK, COMBINING, APOSTROPHE):
            form = "".join(map(chr, folded[starts[code] : starts[code + 1]]))
            assert form == fold(chr(code)), hex(code)


def test_classes_are_those_of_the_characters() -> None:
    classes, _, _ = folding_tables()
    joined = set(JOINERS)
    assert {code for code in CODES if classes[code] == IGNORED} == {
        code for code in ignorable_codes() if code < 0x30000 and code not in joined
    }
    assert {code for code in CODES if classes[code] == JOINER} == joined
    assert {chr(code) for code in CODES if classes[code] == APOSTROPHE} <= set(APOSTROPHES)
    for code in CODES[::5]:
        kind = unicodedata.category(chr(code))[0]
        if classes[code] == LETTER:
            assert any(unicodedata.category(part)[0] == "L" for part in fold(chr(code))), hex(code)
        if kind == "Z":
            assert classes[code] == SEPARATOR, hex(code)
    assert (classes[0xD800:0xE000] == UNSURE).all()


@numba.njit
def _decode(data, i):  # type: ignore[no-untyped-def]
    return folding.decode_at(data, i)


@pytest.mark.parametrize("text", ["a", "é", "ก", "\uffff", "\U0010ffff"], ids=ascii)
def test_a_code_point_is_read_with_its_size(text: str) -> None:
    raw = text.encode()
    assert _decode(np.frombuffer(b"x" + raw + b"x", dtype=np.uint8), 1) == (ord(text), len(raw))
