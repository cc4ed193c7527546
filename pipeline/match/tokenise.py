"""Compiled tokenisers: the words of a text as 64-bit hashes of their bytes. One per match rule.

In: bytes with `schemas.kernels.lanes.PADDING` behind them. Each puts the hashes of one text's words at ``out[count:]``
and returns the new count, or `UNSURE_TEXT` when the text must go through `schemas.text.normal_form` first.

::

    bytes       the  dog's café      64 at a time
    separators  ...xx.....x....
    odd         .....  .   ..        an apostrophe, a byte of a character beyond ASCII: that token goes one by one
"""

import numpy as np

from pipeline.match.word_hash import KEPT, SMALL, bytes_hash, character_hash
from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.folding import APOSTROPHE, COMBINING, DIGIT, LETTER, SEPARATOR, UNSURE, decode_at, kind_at
from schemas.kernels.lanes import bytes_between, first_bit
from schemas.kernels.utf8 import write_character

UNSURE_TEXT = -1

STRAIGHT_APOSTROPHE = 39
LETTER_S = 115

_ONE = np.uint64(1)


@inlined
def _below(size):
    """Return the lowest `size` (0 to 63) bits."""
    return (_ONE << np.uint64(size)) - _ONE


SCRATCH_BYTES = 1 << 16
_SCRATCH_ROOM = 128
"""More than one character's folded form and what a hash reads behind a word."""


@leaf
def _odd_token(data, begin, end, classes, starts, folded, scratch, out, count):
    """Tokenise ``data[begin:end]`` character by character: the words of `schemas.text.words`.

    The bytes before and behind are ASCII separators, or the text's ends.
    """
    inside = False
    after_letter = False  # the character before is a letter or mark: an apostrophe may stay
    combining_before = False
    used = 0
    base = 0  # bytes of the word without the possessive endings seen so far
    trail = 0  # 1: an apostrophe ended `base`; 2: apostrophe and s
    i = begin
    while i < end:
        code, size = decode_at(data, i)
        kind = classes[code]
        if kind >= UNSURE or (kind == COMBINING and combining_before) or used + _SCRATCH_ROOM > len(scratch):
            if kind > UNSURE:  # ignored
                i += size
                continue
            return UNSURE_TEXT
        combining_before = kind == COMBINING
        stays = kind != SEPARATOR and (inside or kind <= DIGIT)  # a mark begins no word
        if kind == APOSTROPHE:
            following = kind_at(data, i + size, end, classes) if stays and after_letter else SEPARATOR
            if following == UNSURE:
                return UNSURE_TEXT
            stays = following == LETTER
        if stays:
            if not inside:
                inside = True
                used = 0
                trail = 0
            if kind == APOSTROPHE:
                if trail != 2:
                    base = used
                trail = 1
                scratch[used] = STRAIGHT_APOSTROPHE
                used += 1
                after_letter = False
            else:
                for j in range(starts[code], starts[code + 1]):
                    part = folded[j]
                    if trail == 1 and part == LETTER_S:
                        trail = 2
                    else:
                        trail = 0
                    used = write_character(part, scratch, used)
                after_letter = kind != DIGIT
        elif inside:
            out[count] = bytes_hash(scratch, 0, base if trail == 2 else used, KEPT)
            count += 1
            inside = False
            after_letter = False
        i += size
    if inside:
        out[count] = bytes_hash(scratch, 0, base if trail == 2 else used, KEPT)
        count += 1
    return count


@inlined
def normalised_words(data, begin, end, classes, starts, folded, scratch, out, count):
    """Tokenise by rule ``normalised``: the words of `schemas.text.words`."""
    token = -1  # where the token that reaches in from the 64 bytes before begins
    token_odd = False
    carry = _ONE  # the byte before is a separator
    base = begin
    while base < end:
        odd = bytes_between(data, base, np.uint8(128), np.uint8(128)) | bytes_between(
            data, base, np.uint8(STRAIGHT_APOSTROPHE), np.uint8(1)
        )
        inside = (
            odd
            | bytes_between(data, base, np.uint8(65), np.uint8(26))
            | bytes_between(data, base, np.uint8(97), np.uint8(26))
            | bytes_between(data, base, np.uint8(48), np.uint8(10))
        )
        if end - base < 64:
            inside &= _below(end - base)
            odd &= _below(end - base)
        before = ((~inside) << _ONE) | carry
        opens = inside & before
        closes = ~inside & ~before
        if odd == 0 and not token_odd:
            if token >= 0 and closes != 0:
                out[count] = bytes_hash(data, token, base + first_bit(closes) - token, SMALL)
                count += 1
                closes &= closes - _ONE
                token = -1
            while closes != 0:
                start = first_bit(opens)
                out[count] = bytes_hash(data, base + start, first_bit(closes) - start, SMALL)
                count += 1
                opens &= opens - _ONE
                closes &= closes - _ONE
            if opens != 0:
                token = base + first_bit(opens)
        else:
            while closes != 0:
                stop = base + first_bit(closes)
                closes &= closes - _ONE
                if token < 0:
                    token = base + first_bit(opens)
                    opens &= opens - _ONE
                    token_odd = (odd >> np.uint64(token - base)) & _below(stop - token) != 0
                else:
                    token_odd = token_odd or (odd & _below(stop - base)) != 0
                if token_odd:
                    count = _odd_token(data, token, stop, classes, starts, folded, scratch, out, count)
                    if count == UNSURE_TEXT:
                        return UNSURE_TEXT
                else:
                    out[count] = bytes_hash(data, token, stop - token, SMALL)
                    count += 1
                token = -1
                token_odd = False
            if opens != 0:
                token = base + first_bit(opens)
                token_odd = odd >> np.uint64(token - base) != 0
            elif token >= 0:
                token_odd = token_odd or odd != 0
        carry = ((~inside) >> np.uint64(63)) & _ONE
        base += 64
    if token >= 0:
        if token_odd:
            return _odd_token(data, token, end, classes, starts, folded, scratch, out, count)
        out[count] = bytes_hash(data, token, end - token, SMALL)
        count += 1
    return count


@inlined
def query_words(data, begin, end, out, count):
    """Tokenise a query: the bytes between single spaces, empty words kept."""
    word = begin
    for i in range(begin, end):
        if data[i] == 32:
            out[count] = bytes_hash(data, word, i - word, KEPT)
            count += 1
            word = i + 1
    out[count] = bytes_hash(data, word, end - word, KEPT)
    return count + 1


@inlined
def metaclip_words(data, begin, end, out, count):
    """Tokenise by MetaCLIP's rule: bytes between single spaces, case kept, empty words kept.

    ``, . ; : ? ! ` `` become words of their own with spaces around them, and tab and line ends become spaces
    (MetaCLIP, metaclip/substr_matching.py, ``spacing``).
    """
    word = begin
    base = begin
    while base < end:
        marks = (
            bytes_between(data, base, np.uint8(33), np.uint8(1))
            | bytes_between(data, base, np.uint8(44), np.uint8(1))
            | bytes_between(data, base, np.uint8(46), np.uint8(1))
            | bytes_between(data, base, np.uint8(58), np.uint8(2))
            | bytes_between(data, base, np.uint8(63), np.uint8(1))
            | bytes_between(data, base, np.uint8(96), np.uint8(1))
        )
        cuts = (
            marks
            | bytes_between(data, base, np.uint8(9), np.uint8(2))
            | bytes_between(data, base, np.uint8(13), np.uint8(1))
            | bytes_between(data, base, np.uint8(32), np.uint8(1))
        )
        if end - base < 64:
            cuts &= _below(end - base)
        while cuts != 0:
            stop = base + first_bit(cuts)
            out[count] = bytes_hash(data, word, stop - word, KEPT)
            count += 1
            if marks & cuts & (~cuts + _ONE) != 0:
                out[count] = bytes_hash(data, stop, 1, KEPT)
                count += 1
            word = stop + 1
            cuts &= cuts - _ONE
        base += 64
    out[count] = bytes_hash(data, word, end - word, KEPT)
    return count + 1


@inlined
def characters(data, begin, end, spaced, out, count):
    """Tokenise into characters; with `spaced` (texts, not queries) as MetaCLIP spaces them, see `metaclip_words`."""
    space = character_hash(32)
    if spaced:
        out[count] = space
        count += 1
    i = begin
    while i < end:
        code, size = decode_at(data, i)
        i += size
        if spaced and code < 97 and code in (9, 10, 13):
            code = np.int32(32)
        if spaced and code < 97 and code in (33, 44, 46, 58, 59, 63, 96):
            out[count] = space
            out[count + 1] = character_hash(code)
            out[count + 2] = space
            count += 3
        else:
            out[count] = character_hash(code)
            count += 1
    if spaced:
        out[count] = space
        count += 1
    return count
