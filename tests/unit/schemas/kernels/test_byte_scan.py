"""Finding bytes eight at a time gives what Python finds one at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernels.byte_scan import PADDING, find_either, has_word, is_at, is_at_any_case, trim

TEXTS = st.binary(max_size=40) | st.text(st.sampled_from("aAbB <>\n\t\0"), max_size=40).map(str.encode)
RANGES = st.tuples(st.integers(0, 40), st.integers(0, 40))


def padded(text: bytes) -> np.ndarray:
    return np.frombuffer(text + b"a" * PADDING, dtype=np.uint8)


@given(TEXTS, st.integers(0, 41), st.integers(0, 255), st.integers(0, 255))
def test_the_next_of_two_bytes(text: bytes, begin: int, first: int, second: int) -> None:
    places = [place for place in range(begin, len(text)) if text[place] in (first, second)]
    expected = places[0] if places else len(text)
    assert find_either(padded(text), begin, len(text), first, second) == expected


@given(TEXTS, RANGES)
def test_a_text_without_what_is_white_around(text: bytes, cut: tuple[int, int]) -> None:
    begin, end = sorted(min(place, len(text)) for place in cut)
    left, right = trim(padded(text), begin, end)
    white = bytes(range(33))
    assert text[left:right] == text[begin:end].strip(white)
    assert begin <= left <= right <= end


@given(TEXTS, st.integers(0, 41))
def test_bytes_at_a_place(text: bytes, place: int) -> None:
    data = padded(text)
    assert is_at(data, place, len(text), b"<a") == (text[place : place + 2] == b"<a")
    assert is_at_any_case(data, place, len(text), b"ab>") == (text[place : place + 3].lower() == b"ab>")


@given(TEXTS)
def test_words_stand_between_what_is_white(text: bytes) -> None:
    words = "".join(chr(byte) if byte > 32 else " " for byte in text).split()
    expected = any(word.isascii() and word.lower() == "ab" for word in words)
    assert has_word(padded(text), 0, len(text), b"ab") == expected
