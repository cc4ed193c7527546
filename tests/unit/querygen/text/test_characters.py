"""What the scan asks of characters, against Python: all classes, ends of sentences, hashes of normal forms."""

import unicodedata

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from querygen.text.characters import (
    CLOSER,
    LINE_END,
    LOWER,
    OPENER,
    SPACE,
    STRONG,
    characters,
    dot_ends_sentence,
    folds_to_s,
    text_hash,
    word_hash_of,
)
from querygen.text.tokens import ABBREVIATIONS, CLOSERS, OPENERS, STRONG_ENDS, token_words
from schemas.kernels.folding import APOSTROPHE, KIND_BITS, LETTER, UNSURE, folding_tables
from schemas.text import fold, words

TABLES = characters()


def utf8(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


def test_classes_and_flags_of_every_character() -> None:
    kinds = folding_tables()[0]
    for code in range(0x110000):
        character, found = chr(code), int(TABLES.classes[code])
        if character == "\n":
            assert found & KIND_BITS == LINE_END
        else:
            assert found & KIND_BITS == (SPACE if character.isspace() else kinds[code]), hex(code)
        assert bool(found & LOWER) == (kinds[code] == LETTER and character.islower()), hex(code)
        for flag, marks in ((STRONG, STRONG_ENDS), (CLOSER, CLOSERS), (OPENER, OPENERS)):
            assert bool(found & flag) == (character in marks), hex(code)


ENDS = st.sampled_from([".", "..", ".\u201d", '."', ".)]", ".\u300d'"])
BODY = st.one_of(
    st.sampled_from(sorted(ABBREVIATIONS)),
    st.sampled_from(["U.S", "J", "\u00c9", "end", "\u6771\u4eac", "St\u00fc", "deptx", "xst", "1", "...", "a.b"]),
    st.text("abS.\u00e9", max_size=6),
)


@settings(max_examples=300)
@given(st.sampled_from(["", '"', "(", "\u00ab[", "\u2018"]), BODY, st.booleans(), ENDS)
def test_a_dot_ends_a_sentence_where_the_token_does(before: str, body: str, in_capitals: bool, end: str) -> None:
    token = before + (body.upper() if in_capitals else body) + end
    shifted = utf8("St. " + token + " St.")
    begin, size = 4, len(token.encode())
    assert dot_ends_sentence(shifted, begin, begin + size, TABLES.classes) == token_words(token).ends_sentence


def test_what_folds_to_an_s() -> None:
    sure = [code for code in range(0x110000) if TABLES.classes[code] & KIND_BITS <= UNSURE]
    found = {chr(code) for code in sure if folds_to_s(np.int32(code), TABLES)}
    assert {"s", "S", "\u017f"} <= found
    assert found == {
        chr(code) for code in sure if TABLES.classes[code] & KIND_BITS == LETTER and fold(chr(code)) == "s"
    }


SPELLING = st.text(
    st.sampled_from("aZ9\u00e9\u00c9\u00df\ufb01\u0130\u017f'\u2019\u4f60\U00010400"), min_size=1, max_size=8
)


@settings(max_examples=300)
@given(SPELLING, SPELLING)
def test_spellings_have_one_hash_where_they_are_one_word(left: str, right: str) -> None:
    hashes = []
    for spelling in (left, right):
        assume(token_words(spelling).surfaces == (spelling,))
        kinds = [TABLES.classes[ord(character)] & KIND_BITS for character in spelling]
        assume(all(kind == APOSTROPHE or kind != UNSURE for kind in kinds))
        assume(unicodedata.is_normalized("NFC", spelling))
        data = utf8(f".{spelling}.")
        (normal,) = words(spelling)
        hashes.append(word_hash_of(data, 1, len(data) - 1, TABLES))
        assert hashes[-1] == text_hash(utf8(f"-{normal}-"), 1, 1 + len(normal.encode()))
    assert (hashes[0] == hashes[1]) == (words(left) == words(right))
