"""Compiled tokenisers: the words of a text as 64-bit hashes. One per match rule.

Each fills `out` with the hashes of one text's words and returns their number, or `UNSURE_TEXT` when
the text must go through `schemas.text.normal_form` first.
"""

import numba
import numpy as np

from pipeline.match.folding import APOSTROPHE, COMBINING, LETTER, MARK, SEPARATOR, UNSURE

UNSURE_TEXT = -1

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)

STRAIGHT_APOSTROPHE = 39
LETTER_S = 115


@numba.njit(inline="always")
def finish_hash(state):  # type: ignore[no-untyped-def]
    """Return `state` with its bits well mixed (the finaliser of MurmurHash3)."""
    state ^= state >> np.uint64(33)
    state *= _MIX_1
    state ^= state >> np.uint64(33)
    state *= _MIX_2
    state ^= state >> np.uint64(33)
    return state


@numba.njit(inline="always")
def join_hash(prefix, word):  # type: ignore[no-untyped-def]
    """Return the hash of a phrase: of its prefix and the next word."""
    return finish_hash(prefix * np.uint64(0x9E3779B97F4A7C15) + word + np.uint64(1))


@numba.njit(inline="always")
def decode_at(data, i):  # type: ignore[no-untyped-def]
    """Return (code point, its bytes) at position `i` of valid UTF-8."""
    first = np.int32(data[i])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return ((first & 0x1F) << 6) | (np.int32(data[i + 1]) & 0x3F), 2
    if first < 0xF0:
        return ((first & 0x0F) << 12) | ((np.int32(data[i + 1]) & 0x3F) << 6) | (np.int32(data[i + 2]) & 0x3F), 3
    code = ((first & 0x07) << 18) | ((np.int32(data[i + 1]) & 0x3F) << 12)
    return code | ((np.int32(data[i + 2]) & 0x3F) << 6) | (np.int32(data[i + 3]) & 0x3F), 4


@numba.njit(cache=True)
def normalised_words(data, begin, end, classes, starts, folded, out):  # type: ignore[no-untyped-def]
    """Tokenise by rule ``normalised``: the words of `schemas.text.words`."""
    count = 0
    inside = False
    after_letter = False  # the character before is a letter or mark: an apostrophe may stay
    combining_before = False
    state = _SEED
    base = _SEED  # the word without the possessive endings seen so far
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
                state = _SEED
                trail = 0
            if kind == APOSTROPHE:
                if trail != 2:
                    base = state
                trail = 1
                state = (state ^ np.uint64(STRAIGHT_APOSTROPHE)) * _PRIME
                after_letter = False
            else:
                for j in range(starts[code], starts[code + 1]):
                    part = folded[j]
                    if trail == 1 and part == LETTER_S:
                        trail = 2
                    else:
                        trail = 0
                    state = (state ^ np.uint64(part)) * _PRIME
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
    state = _SEED
    i = begin
    while i < end:
        code, size = decode_at(data, i)
        if code == 32:
            out[count] = finish_hash(state)
            count += 1
            state = _SEED
        else:
            state = (state ^ np.uint64(code)) * _PRIME
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
    state = _SEED
    for i in range(begin, end):
        byte = data[i]
        if wrap and (byte == 9 or byte == 10 or byte == 13):
            byte = 32
        if byte == 32:
            out[count] = finish_hash(state)
            count += 1
            state = _SEED
        elif wrap and (byte == 44 or byte == 46 or byte == 59 or byte == 58 or byte == 63 or byte == 33 or byte == 96):
            out[count] = finish_hash(state)
            out[count + 1] = finish_hash((_SEED ^ np.uint64(byte)) * _PRIME)
            count += 2
            state = _SEED
        else:
            state = (state ^ np.uint64(byte)) * _PRIME
    out[count] = finish_hash(state)
    return count + 1
