"""The words of tokens, compiled: UTF-8 text in, the places of its words out, and where bigrams may not reach.

The rules are those of `querygen.text.tokens`. Most tokens are letters and digits of ASCII, then white space, a comma or
a dot: those are read eight bytes at a time, the others by the character.

    The cat's toy-box.    words  The  cat  toy  box    ("cat's" is counted as "cat")
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from querygen.text.characters import CLOSER, LINE_END, LOWER, SPACE, STRONG, dot_ends_sentence, folds_to_s
from querygen.text.spelling_table import load
from schemas.kernels import ascii as named
from schemas.kernels.ascii import COMMA, DOT, NEWLINE, TO_SMALL
from schemas.kernels.compiled import inlined, spliced
from schemas.kernels.folding import (
    APOSTROPHE,
    COMBINING,
    DIGIT,
    JOINER,
    KIND_BITS,
    LETTER,
    UNSURE,
    decode_at,
    kind_at,
)

_ODD, _VISIBLE, _STARTS_SMALL, _ENDS_SENTENCE = 1, 2, 4, 8
"""What is said of a token. Odd: one that only Unicode normalisation can fold."""

_ANY, _UNSPELLED = 1, 2
"""Ignorable characters seen in a token: any, and one behind the last letter so far that no spelling keeps."""

_NOTHING, _APOSTROPHE_LAST, _POSSESSIVE = range(3)
"""What a word ends with so far, behind its base: an apostrophe; an apostrophe and an s."""

_SMALL_S = ord("s")
_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)


class Words(NamedTuple):
    """The words of a piece of text; room to work in."""

    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    joins: npt.NDArray[np.uint8]
    """Whether a bigram may begin with the word before."""
    hashes: npt.NDArray[np.uint64]
    """Of the spellings."""


def new_words(room: int) -> Words:
    """Return room for so many words."""
    return Words(
        begins=np.empty(room, np.int64),
        ends=np.empty(room, np.int64),
        joins=np.empty(room, np.uint8),
        hashes=np.empty(room, np.uint64),
    )


@spliced
def _count_word_bytes(chunk):
    """Return how many of the 8 bytes, from the first on, are ASCII letters or digits."""
    low = chunk & ~_HIGH
    letter = low | (np.uint64(0x20) * _ONES)
    letters = (letter + np.uint64(0x80 - 0x61) * _ONES) & ~(letter + np.uint64(0x80 - 0x7B) * _ONES)
    digits = (low + np.uint64(0x80 - 0x30) * _ONES) & ~(low + np.uint64(0x80 - 0x3A) * _ONES)
    others = ~((letters | digits) & ~chunk) & _HIGH
    if others == 0:
        return 8
    lowest = others & (~others + np.uint64(1))
    return np.int64((((lowest - np.uint64(1)) & _ONES) * _ONES) >> np.uint64(56)) - 1


@inlined
def _is_blank(byte):
    return byte == named.SPACE or byte == NEWLINE


@inlined
def _plain_token(text, chunks, i, end):
    """Return (end of the word, end of the token) of a token as most are; the second is -1 for another token."""
    word_end = i
    while True:
        run = _count_word_bytes(load(chunks, word_end))
        word_end += run
        if run < 8:
            break
    if word_end == i:
        return i, -1
    word_end = min(word_end, end)
    if word_end == end or _is_blank(text[word_end]):
        return word_end, word_end
    byte = text[word_end]
    after = word_end + 1
    if byte in (COMMA, DOT) and (after == end or _is_blank(text[after])):
        return word_end, after
    return i, -1


@inlined
def _add_word(words, count, begin, end, joins):
    words.begins[count] = begin
    words.ends[count] = end
    words.joins[count] = joins
    return count + 1


@inlined
def _trail_after(trail, code, characters):
    """Return what a word ends with after one more letter, digit or mark."""
    if trail == _APOSTROPHE_LAST and (code | TO_SMALL == _SMALL_S if code < 0x80 else folds_to_s(code, characters)):
        return _POSSESSIVE
    return _NOTHING


@inlined
def _read_token(text, i, end, code, width, characters, words, count):
    """Write the words of the token at `i`, from number `count` on; return (its end, number of words, what it is).

    `code` and `width` are those of its first character.
    """
    classes = characters.classes
    token, first_word = i, count
    about = 0
    ignorable = 0
    inside = False
    after_letter = False
    combining_before = False
    gap_ends = False  # a sentence ended between the word before in this token and here
    last_code, last_flag = np.int32(0), np.uint8(0)  # of the last character that is no closer
    begin, word_end, base_end, trail = i, i, i, _NOTHING
    flag = classes[code]
    kind = flag & KIND_BITS
    while kind < SPACE:
        following = i + width
        if kind > UNSURE:  # as if it were not there
            ignorable |= _ANY if kind == JOINER else _ANY | _UNSPELLED
        else:
            about |= _VISIBLE
            stays = LETTER <= kind <= COMBINING and (inside or kind <= DIGIT)  # a mark begins no word
            if kind == UNSURE or (kind == COMBINING and combining_before):
                about |= _ODD
            elif kind == APOSTROPHE and inside and after_letter:
                next_kind = kind_at(text, following, end, classes)
                stays = next_kind == LETTER
                if next_kind == UNSURE:
                    about |= _ODD
            combining_before = kind == COMBINING
            if stays:
                if not inside:
                    inside = True
                    begin = i
                    trail = _NOTHING
                    if count == first_word and flag & LOWER != 0:
                        about |= _STARTS_SMALL
                elif ignorable & _UNSPELLED:
                    about |= _ODD
                ignorable &= ~_UNSPELLED
                if kind == APOSTROPHE:
                    if trail != _POSSESSIVE:
                        base_end = word_end
                    trail = _APOSTROPHE_LAST
                    after_letter = False
                else:
                    trail = _trail_after(trail, code, characters)
                    after_letter = kind != DIGIT
                word_end = following
            elif inside:
                count = _add_word(words, count, begin, base_end if trail == _POSSESSIVE else word_end, not gap_ends)
                inside, after_letter, gap_ends = False, False, False
            if not stays and flag & STRONG != 0:
                gap_ends = True
            if flag & CLOSER == 0:
                last_code = code
                last_flag = flag
        i = following
        if i >= end:
            break
        code, width = decode_at(text, i)
        flag = classes[code]
        kind = flag & KIND_BITS
    if inside:
        count = _add_word(words, count, begin, base_end if trail == _POSSESSIVE else word_end, not gap_ends)
    if ignorable != 0 and last_code == DOT:
        about |= _ODD  # how it ends, bytes alone do not tell
    elif last_flag & STRONG != 0 or (last_code == DOT and dot_ends_sentence(text, token, i, classes)):
        about |= _ENDS_SENTENCE
    return i, count, about


@inlined
def read_words(text, chunks, i, end, characters, words, open_end):
    """Write the words of ``text[i:end]`` up to an odd token.

    `open_end`: a sentence ended before, unless the next word starts small. Return (where it stopped, number of words,
    `open_end` there, whether no bigram may reach back over what stands there, end of the odd token or -1).
    """
    count = 0
    broken = False
    while i < end:
        code, width = decode_at(text, i)
        flag = characters.classes[code]
        kind = flag & KIND_BITS
        if kind >= SPACE:
            broken |= kind == LINE_END
            i += width
            continue
        word_end, after = _plain_token(text, chunks, i, end)
        if after >= 0:
            count = _add_word(words, count, i, word_end, not (broken or (open_end and flag & LOWER == 0)))
            broken = False
            open_end = (
                after > word_end and text[word_end] == DOT and dot_ends_sentence(text, i, after, characters.classes)
            )
            i = after
            continue
        after, more, about = _read_token(text, i, end, code, width, characters, words, count)
        if about & _ODD:
            return i, count, open_end, broken, after
        i = after
        if not about & _VISIBLE:
            continue  # nothing stands here
        if more == count:
            broken = True
        else:
            words.joins[count] = not (broken or (open_end and not about & _STARTS_SMALL))
            broken = False
        open_end = about & _ENDS_SENTENCE != 0
        count = more
    return i, count, open_end, broken, -1
