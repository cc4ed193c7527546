"""What the scan of words asks of characters: classes, hashes of normal forms, whether dots end a sentence. Compiled.

In: UTF-8 text, a range of it. Out: as `querygen.text.tokens` and `schemas.text` tell.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from querygen.text.tokens import ABBREVIATIONS, CLOSERS, OPENERS, STRONG_ENDS
from schemas.kernels.ascii import DOT, SINGLE_QUOTE, small_letter
from schemas.kernels.compiled import leaf, spliced
from schemas.kernels.folding import (
    APOSTROPHE,
    HASH_PRIME,
    HASH_SEED,
    JOINER,
    KIND_BITS,
    LETTER,
    decode_at,
    finish_hash,
    folding_tables,
)

SPACE, LINE_END = JOINER + 1, JOINER + 2
STRONG, CLOSER, OPENER, LOWER = 16, 32, 64, 128

_SMALL_S = ord("s")


class Characters(NamedTuple):
    """Tables by code point."""

    classes: npt.NDArray[np.uint8]
    """`schemas.kernels.folding`'s class, SPACE or LINE_END, and the flags above."""
    starts: npt.NDArray[np.int32]
    folded: npt.NDArray[np.int32]
    """``folded[starts[c]:starts[c + 1]]`` is the folded form of c."""


@functools.lru_cache(maxsize=1)
def characters() -> Characters:
    """Return the tables."""
    classes, starts, folded = folding_tables()
    classes = classes.copy()
    for code in range(0x3001):
        if chr(code).isspace():
            classes[code] = SPACE
    for code in np.flatnonzero(classes == LETTER).tolist():
        if chr(code).islower():
            classes[code] |= LOWER
    classes[ord("\n")] = LINE_END
    for characters, flag in ((STRONG_ENDS, STRONG), (CLOSERS, CLOSER), (OPENERS, OPENER)):
        for character in characters:
            classes[ord(character)] |= flag
    return Characters(classes, starts, folded)


def _packed(word: str) -> int:
    return int.from_bytes(word.encode(), "big")


_ABBREVIATION_CODES = np.array(sorted(map(_packed, ABBREVIATIONS)), dtype=np.uint64)
_MAX_ABBREVIATION = max(map(len, ABBREVIATIONS))


@leaf
def dot_ends_sentence(text, begin, end, classes):
    """Tell whether the token that ends with dots (and closers) ends a sentence: ``end.`` does, ``U.S.``, ``St.`` do
    not."""
    stop = _before_closers(text, begin, end, classes)
    end = stop
    while end > begin and text[end - 1] == DOT:
        end -= 1
    if stop - end > 1:
        return True
    begin = _behind_openers(text, begin, end, classes)
    characters = 0
    packed = np.uint64(0)
    for i in range(begin, end):
        byte = text[i]
        if byte == DOT:
            return False
        if byte & 0xC0 != 0x80:
            characters += 1
        packed = (packed << np.uint64(8)) | np.uint64(small_letter(byte))
    if characters <= 1:
        return False
    if end - begin <= _MAX_ABBREVIATION:
        for number in range(len(_ABBREVIATION_CODES)):
            if _ABBREVIATION_CODES[number] == packed:
                return False
    return True


@leaf
def _before_closers(text, begin, end, classes):
    """Return the end of ``text[begin:end]`` without the closers at its end."""
    while True:
        start = end - 1
        while start > begin and (text[start] & 0xC0) == 0x80:  # over a whole character
            start -= 1
        code, _ = decode_at(text, start)
        if classes[code] & CLOSER == 0:
            return end
        end = start


@leaf
def _behind_openers(text, begin, end, classes):
    """Return the begin of ``text[begin:end]`` without the openers at its begin."""
    while begin < end:
        code, size = decode_at(text, begin)
        if classes[code] & OPENER == 0:
            break
        begin += size
    return begin


@spliced
def folds_to_s(code, characters):
    """Tell whether the folded form of a character is an s."""
    start = characters.starts[code]
    return characters.starts[code + 1] - start == 1 and characters.folded[start] == _SMALL_S


@leaf
def word_hash_of(text, begin, end, characters):
    """Return the hash of the normal form of one spelling without UNSURE characters."""
    state = HASH_SEED
    i = begin
    while i < end:
        byte = text[i]
        if byte < 0x80:  # a letter or digit, or an apostrophe within
            state = (state ^ np.uint64(small_letter(byte))) * HASH_PRIME
            i += 1
            continue
        code, size = decode_at(text, i)
        i += size
        if characters.classes[code] & KIND_BITS == APOSTROPHE:
            state = (state ^ np.uint64(SINGLE_QUOTE)) * HASH_PRIME
        else:
            for j in range(characters.starts[code], characters.starts[code + 1]):
                state = (state ^ np.uint64(characters.folded[j])) * HASH_PRIME
    return finish_hash(state)


@leaf
def text_hash(text, begin, end):
    """Return the hash of a text that is in normal form: `word_hash_of` of its spellings."""
    state = HASH_SEED
    i = begin
    while i < end:
        code, size = decode_at(text, i)
        i += size
        state = (state ^ np.uint64(code)) * HASH_PRIME
    return finish_hash(state)
