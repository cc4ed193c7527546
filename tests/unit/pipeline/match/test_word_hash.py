"""Hashes of words: of the bytes alone, never 0, other for other words."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.match.word_hash import KEPT, SMALL, bytes_hash, character_hash, join_hash, seeded
from schemas.kernels.compiled import leaf
from schemas.kernels.lanes import PADDING

HASHES = st.integers(1, 9) | st.integers(1, 2**64 - 1)


@leaf
def _hash_word(data, begin, size, case):
    return bytes_hash(data, begin, size, case)


@leaf
def _join(prefix, word):
    return join_hash(prefix, word)


@leaf
def _seed(word, seed):
    return seeded(word, seed)


@leaf
def _character(code):
    return character_hash(code)


def hash_of(word: bytes, case: np.uint64 = KEPT, before: bytes = b"", behind: bytes = b"") -> int:
    data: npt.NDArray[np.uint8] = np.frombuffer(before + word + behind + bytes(PADDING), np.uint8)
    return int(_hash_word(data, len(before), len(word), case))


@settings(max_examples=300)
@given(st.binary(max_size=70), st.binary(max_size=20), st.binary(max_size=20))
def test_a_hash_is_of_the_bytes_of_the_word_alone(word: bytes, before: bytes, behind: bytes) -> None:
    assert hash_of(word) == hash_of(word, before=before, behind=behind) != 0


@settings(max_examples=300)
@given(st.text("abzABZ059", max_size=40))
def test_letters_made_small_have_the_hash_of_small_letters(word: str) -> None:
    assert hash_of(word.encode(), SMALL, behind=b"AZ") == hash_of(word.lower().encode())


def test_words_that_differ_anywhere_differ_in_hash() -> None:
    words = {bytes([97] * size) for size in range(1, 70)}
    words |= {
        bytes([97] * place + [98] + [97] * (size - place - 1))
        for size in (7, 8, 9, 16, 17, 33)
        for place in range(size)
    }
    words |= {b"a" * size + b"\0" * zeros for size in range(18) for zeros in range(3)}
    assert len({hash_of(word) for word in words}) == len(words)


@given(HASHES, HASHES)
def test_a_phrase_is_told_from_its_words_and_from_their_other_order(prefix: int, word: int) -> None:
    joined = _join(np.uint64(prefix), np.uint64(word))
    assert joined not in (0, prefix, word)
    assert (joined == _join(np.uint64(word), np.uint64(prefix))) == (prefix == word)


def test_no_phrase_has_the_hash_of_a_free_slot() -> None:
    prefix = np.uint64(5)
    word = np.uint64(-5 * 0xA0761D6478BD642F % 2**64)  # with it the sum is 0
    assert _join(prefix, word) == 1


@given(HASHES, HASHES, HASHES)
def test_a_word_of_a_language_is_told_from_that_of_another(word: int, one: int, other: int) -> None:
    found = [int(_seed(np.uint64(word), np.uint64(seed))) for seed in (one, other)]
    assert 0 not in found
    if 1 not in found:  # which also stands for a word that is its own seed
        assert (found[0] == found[1]) == (one == other)
    assert _seed(np.uint64(word), np.uint64(word)) == 1


def test_each_character_has_a_hash_of_its_own() -> None:
    found = sorted(int(_character(np.int64(code))) for code in range(0x110000))
    assert found[0] != 0
    assert all(left != right for left, right in pairwise(found))
