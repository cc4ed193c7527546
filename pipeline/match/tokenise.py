"""Compiled tokenisers: the words of a text as 64-bit hashes. One per match rule.

Each fills `out` with the hashes of one text's words and returns their number, or `UNSURE_TEXT` when
the text must go through `schemas.text.normal_form` first.
"""

import numba
import numpy as np

from schemas.folding import (
    APOSTROPHE,
    COMBINING,
    HASH_PRIME,
    HASH_SEED,
    LETTER,
    MARK,
    SEPARATOR,
    UNSURE,
    decode_at,
    finish_hash,
)

UNSURE_TEXT = -1

STRAIGHT_APOSTROPHE = 39
LETTER_S = 115


@numba.njit(inline="always")
def join_hash(prefix, word):  # type: ignore[no-untyped-def]
    """Return the hash of a phrase: of its prefix and the next word."""
    return finish_hash(prefix * np.uint64(0x9E3779B97F4A7C15) + word + np.uint64(1))


@numba.njit(cache=True)
def normalised_words(data, begin, end, classes, starts, folded, out):  # type: ignore[no-untyped-def]
    """Tokenise by rule ``normalised``: the words of `schemas.text.words`."""
    count = 0
    inside = False
    after_letter = False  # the character before is a letter or mark: an apostrophe may stay
    combining_before = False
    state = HASH_SEED
    base = HASH_SEED  # the word without the possessive endings seen so far
    trail = 0  # 1: an apostrophe ended `base`; 2: apostrophe and s
    i = begin
    while i < end:
        code, size = decode_at(data, i)
        kind = classes[code]
        if kind == UNSURE or (kind == COMBINING and combining_before):
            return UNSURE_TEXT
        combining_before = kind == COMBINING
        stays = kind != SEPARATOR
        if kind == APOSTROPHE:
            stays = False
            if inside and after_letter and i + size < end:
                following, _ = decode_at(data, i + size)
                if classes[following] == UNSURE:
                    return UNSURE_TEXT
                stays = classes[following] == LETTER
        if stays:
            if not inside:
                inside = True
                state = HASH_SEED
                trail = 0
            if kind == APOSTROPHE:
                if trail != 2:
                    base = state
                trail = 1
                state = (state ^ np.uint64(STRAIGHT_APOSTROPHE)) * HASH_PRIME
                after_letter = False
            else:
                for j in range(starts[code], starts[code + 1]):
                    part = folded[j]
                    if trail == 1 and part == LETTER_S:
                        trail = 2
                    else:
                        trail = 0
                    state = (state ^ np.uint64(part)) * HASH_PRIME
                after_letter = kind in (LETTER, MARK, COMBINING)
        elif inside:
            out[count] = finish_hash(base if trail == 2 else state)
            count += 1
            inside = False
            after_letter = False
        i += size
    if inside:
        out[count] = finish_hash(base if trail == 2 else state)
        count += 1
    return count


@numba.njit(cache=True)
def normal_form_words(data, begin, end, out):  # type: ignore[no-untyped-def]
    """Tokenise a text that is in normal form already (a query): nothing to fold, only spaces to cut at."""
    count = 0
    state = HASH_SEED
    i = begin
    while i < end:
        code, size = decode_at(data, i)
        if code == 32:
            out[count] = finish_hash(state)
            count += 1
            state = HASH_SEED
        else:
            state = (state ^ np.uint64(code)) * HASH_PRIME
        i += size
    if end > begin:
        out[count] = finish_hash(state)
        count += 1
    return count


@numba.njit(cache=True)
def metaclip_words(data, begin, end, wrap, out):  # type: ignore[no-untyped-def]
    """Tokenise by MetaCLIP's rule: bytes between single spaces, case kept, empty words kept.

    With `wrap` (texts, not queries) ``, . ; : ? ! ` `` become words of their own with spaces around them
    and tab and line ends become spaces (MetaCLIP, metaclip/substr_matching.py, ``spacing``).
    """
    count = 0
    state = HASH_SEED
    for i in range(begin, end):
        byte = data[i]
        if wrap and (byte == 9 or byte == 10 or byte == 13):
            byte = 32
        if byte == 32:
            out[count] = finish_hash(state)
            count += 1
            state = HASH_SEED
        elif wrap and (byte == 44 or byte == 46 or byte == 59 or byte == 58 or byte == 63 or byte == 33 or byte == 96):
            out[count] = finish_hash(state)
            out[count + 1] = finish_hash((HASH_SEED ^ np.uint64(byte)) * HASH_PRIME)
            count += 2
            state = HASH_SEED
        else:
            state = (state ^ np.uint64(byte)) * HASH_PRIME
    out[count] = finish_hash(state)
    return count + 1
