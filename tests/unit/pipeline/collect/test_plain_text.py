"""Plain texts are those that the stored form leaves as they are, for every character and its neighbours."""

import unicodedata

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.plain_text import NEEDS_CARE, NOT_UTF8, PLAIN, kinds_of_text
from schemas.buffers import string_buffers
from schemas.text import stored_caption


def kinds(texts: list[str]) -> list[int]:
    return list(kinds_of_text(*string_buffers(pa.array(texts, pa.string()))))


def test_every_plain_character_stays_alone_and_after_any_letter() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    plain = [c for c, kind in zip(characters, kinds(characters), strict=True) if kind == PLAIN]
    assert len(plain) > 50_000
    assert all(stored_caption(character) == character for character in plain)
    seconds = set()
    for character in characters:
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(chr(int(parts[1], 16)))
    assert len(seconds) > 50
    assert not seconds & set(plain)  # none can be joined with what stands before it
    jamo = "\u1100\u1161\u11a8"
    assert kinds([jamo, jamo[1:], "\uac00\u11a8"]) == [NEEDS_CARE] * 3


@given(st.lists(st.text(max_size=8) | st.text("ae\u0301\u3099\u304b \t\u2019\ud55c\u11a8\u4e00\u00a0", max_size=6)))
def test_what_is_plain_is_stored_as_it_is(texts: list[str]) -> None:
    for text, kind in zip(texts, kinds(texts), strict=True):
        assert kind != NOT_UTF8
        if kind == PLAIN:
            assert stored_caption(text) == text


def test_common_captions_are_plain() -> None:
    texts = [
        "A dog\u2019s life \u2013 caf\u00e9",
        "\u72ac\u306e\u5199\u771f",
        "\ud55c\uad6d",
        "\u0441\u043e\u0431\u0430\u043a\u0430 \U0001f436",
    ]
    assert kinds(texts) == [PLAIN] * 4
    assert kinds([" a", "a ", "a  b", "a\tb", "e\u0301"]) == [NEEDS_CARE] * 5
