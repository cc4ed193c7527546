"""Compiled scan of a text: every word looked up in a table of spellings, every bigram appended as a pair of their ids.

In: UTF-8 text of a page. Out: the table's counts, and ``first id << 32 | second id`` for each bigram, in order. The
rules are those of `querygen.text.tokens`; a token that only Unicode normalisation can fold is handed back to it.

    "The cat sat. Dogs"  ->  words The cat sat Dogs, pairs (The, cat) (cat, sat)
"""

import functools

import numpy as np
import numpy.typing as npt

from querygen.text.tokens import ABBREVIATIONS, CLOSERS, OPENERS, STRONG_ENDS
from schemas.kernels.compiled import kernel, spliced
from schemas.kernels.folding import (
    APOSTROPHE,
    COMBINING,
    DIGIT,
    HASH_PRIME,
    HASH_SEED,
    JOINER,
    KIND_BITS,
    LETTER,
    UNSURE,
    decode_at,
    finish_hash,
    folding_tables,
    kind_at,
)

SPACE, LINE_END = JOINER + 1, JOINER + 2
STRONG, CLOSER, OPENER, LOWER = 16, 32, 64, 128

MAX_WORD_BYTES = 1024
"""A longer run of letters is no word: it is left out and counted."""
PIECE_BYTES = 1 << 16
"""The scan asks for room for one such piece at a time (or for one longer token)."""

DONE, GROW, ODD = range(3)
"""Why a scan returned: text finished, no room in the table, a token for `querygen.text.tokens`."""

_ANY, _UNSPELLED = 1, 2
"""Ignorable characters seen in a token: any, and one behind the last letter so far that no spelling keeps."""

NUM_SURFACES, ARENA_USED, NUM_KEYS, PREVIOUS, OPEN_END, NUM_LONG, TOKEN_END, TOUCHED = range(8)
"""Fields of the state. PREVIOUS: id of the word before, -1 when no bigram may reach back; OPEN_END: a sentence ended
unless the next word starts small; TOKEN_END: where the odd token ends; TOUCHED: nothing of use."""

HASH, COUNTED, WORD_HASH, PLACE = range(4)
"""Columns of the table of spellings, one row per slot. COUNTED: count << 32 | id + 1, 0 for an empty slot; PLACE:
offset in the arena << 11 | bytes."""

_MAY_JOIN = 1

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_ONE = np.uint64(1 << 32)
NUMBER_MASK = np.uint64((1 << 32) - 1)
_LONG_PRIME = np.uint64(0x9E3779B97F4A7C15)


@functools.lru_cache(maxsize=1)
def scan_classes() -> npt.NDArray[np.uint8]:
    """Return the class of each code point: `schemas.kernels.folding`'s, SPACE, LINE_END, and the flags above."""
    classes = folding_tables()[0].copy()
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
    return classes


def _packed(word: str) -> int:
    return int.from_bytes(word.encode(), "big")


_ABBREVIATION_CODES = np.array(sorted(map(_packed, ABBREVIATIONS)), dtype=np.uint64)
_MAX_ABBREVIATION = max(map(len, ABBREVIATIONS))


@kernel
def _dot_ends_sentence(text, begin, end, classes):
    """Tell whether the token that ends with dots (and closers) ends a sentence: ``end.`` does, ``U.S.``, ``St.`` do
    not."""
    dots = 0
    while True:  # closers: their last byte decides only for ASCII, so step back over whole characters
        start = end - 1
        while start > begin and (text[start] & 0xC0) == 0x80:
            start -= 1
        code, _ = decode_at(text, start)
        if classes[code] & CLOSER == 0:
            break
        end = start
    while end > begin and text[end - 1] == 46:
        end -= 1
        dots += 1
    if dots > 1:
        return True
    while begin < end:
        code, size = decode_at(text, begin)
        if classes[code] & OPENER == 0:
            break
        begin += size
    characters = 0
    packed = np.uint64(0)
    for i in range(begin, end):
        byte = text[i]
        if byte == 46:
            return False
        if byte & 0xC0 != 0x80:
            characters += 1
        lower = byte | 32 if 65 <= byte <= 90 else byte
        packed = (packed << np.uint64(8)) | np.uint64(lower)
    if characters <= 1:
        return False
    if end - begin <= _MAX_ABBREVIATION:
        for abbreviation in _ABBREVIATION_CODES:
            if abbreviation == packed:
                return False
    return True


@spliced
def _folds_to_s(code, starts, folded):
    return starts[code + 1] - starts[code] == 1 and folded[starts[code]] == 115


@kernel
def word_hash_of(text, begin, end, classes, starts, folded):
    """Return the hash of the normal form of one spelling without UNSURE characters."""
    state = HASH_SEED
    i = begin
    while i < end:
        byte = text[i]
        if byte < 0x80:  # a letter or digit, or an apostrophe within
            lower = byte | 32 if 65 <= byte <= 90 else byte
            state = (state ^ np.uint64(lower)) * HASH_PRIME
            i += 1
            continue
        code, size = decode_at(text, i)
        i += size
        if classes[code] & KIND_BITS == APOSTROPHE:
            state = (state ^ np.uint64(39)) * HASH_PRIME
        else:
            for j in range(starts[code], starts[code + 1]):
                state = (state ^ np.uint64(folded[j])) * HASH_PRIME
    return finish_hash(state)


@kernel
def text_hash(text, begin, end):
    """Return the hash of a text that is in normal form: `word_hash_of` of its spellings."""
    state = HASH_SEED
    i = begin
    while i < end:
        code, size = decode_at(text, i)
        i += size
        state = (state ^ np.uint64(code)) * HASH_PRIME
    return finish_hash(state)


@spliced
def _load(chunks, i):
    """Return the 8 bytes at byte `i`; `chunks` are the bytes as aligned little-endian words."""
    shift = np.uint64((i & 7) << 3)
    return (chunks[i >> 3] >> shift) | ((chunks[(i >> 3) + 1] << np.uint64(1)) << (np.uint64(63) - shift))


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


@spliced
def _cut(chunk, size):
    """Return the first `size` (1 to 8) bytes, zeros behind."""
    return chunk & (~np.uint64(0) >> np.uint64(64 - 8 * size))


@spliced
def bytes_hash(chunks, begin, size):
    """Return the hash of a spelling as it stands; of different ones of up to 8 bytes it is never the same."""
    state = np.uint64(0)
    while size > 8:
        state = (state ^ _load(chunks, begin)) * _LONG_PRIME
        state ^= state >> np.uint64(29)
        begin += 8
        size -= 8
    return finish_hash(state ^ _cut(_load(chunks, begin), size))


@spliced
def _find(chunks, begin, size, value, table, arena):
    """Return the slot where the spelling is or belongs. Entries of the arena begin at multiples of 8."""
    mask = len(table) - 1
    slot = np.int64(value & np.uint64(mask))
    while table[slot, COUNTED] != 0:
        if table[slot, HASH] == value:
            place = table[slot, PLACE]
            if np.int64(place & np.uint64(2047)) == size:
                if size <= 8:
                    return slot
                start = np.int64(place >> np.uint64(14))
                left = size
                at = begin
                while left > 8 and arena[start] == _load(chunks, at):
                    start += 1
                    at += 8
                    left -= 8
                if left <= 8 and arena[start] == _cut(_load(chunks, at), left):
                    return slot
        slot = (slot + 1) & mask
    return slot


@spliced
def _insert(chunks, begin, size, value, word_value, slot, table, arena, state):
    number = state[NUM_SURFACES]
    start = state[ARENA_USED]
    table[slot, HASH] = value
    table[slot, COUNTED] = number + 1
    table[slot, WORD_HASH] = word_value
    table[slot, PLACE] = (np.uint64(8 * start) << np.uint64(11)) | np.uint64(size)
    left = size
    while left > 8:
        arena[start] = _load(chunks, begin)
        start += 1
        begin += 8
        left -= 8
    arena[start] = _cut(_load(chunks, begin), left)
    state[NUM_SURFACES] = number + 1
    state[ARENA_USED] = start + 1


@kernel
def move_rows(table, larger):
    """Move the rows of `table` to the empty, larger one."""
    mask = len(larger) - 1
    for row in range(len(table)):
        if table[row, COUNTED] != 0:
            slot = np.int64(table[row, HASH] & np.uint64(mask))
            while larger[slot, COUNTED] != 0:
                slot = (slot + 1) & mask
            larger[slot] = table[row]


@kernel
def push_word(chunks, size, word_value, may_join, table, arena, keys, state):
    """Count one word of an odd token: its spelling is the first `size` bytes, its normal form has that hash."""
    value = bytes_hash(chunks, 0, size)
    slot = _find(chunks, 0, size, value, table, arena)
    if table[slot, COUNTED] == 0:
        _insert(chunks, 0, size, value, word_value, slot, table, arena, state)
    number = np.int64(table[slot, COUNTED] & NUMBER_MASK) - 1
    table[slot, COUNTED] += _ONE
    if may_join and state[PREVIOUS] >= 0:
        keys[state[NUM_KEYS]] = (np.uint64(state[PREVIOUS]) << np.uint64(32)) | np.uint64(number)
        state[NUM_KEYS] += 1
    state[PREVIOUS] = number


@kernel
def scan(text, chunks, i, size, classes, starts, folded, table, arena, keys, begins, ends, flags, values, state):
    """Count ``text[i:size]``; return (where it stopped, DONE, GROW or ODD).

    `chunks` are the same bytes as 64-bit words, two of them more than needed. `begins`, `ends`, `flags` and `values`
    are work space for the words of one piece; `keys` must have room for ``(size - i) / 2`` pairs.
    """
    while i < size:
        piece_end = min(size, i + PIECE_BYTES)
        while piece_end < size and text[piece_end] != 32 and text[piece_end] != 10:
            piece_end += 1
        room = (piece_end - i) // 2 + 1
        if (
            room > len(begins)
            or 3 * (state[NUM_SURFACES] + room) > 2 * len(table)
            or state[ARENA_USED] + room > len(arena)
        ):
            return i, GROW
        # 1: the words of the piece, up to an odd token
        count = 0
        broken = False  # no bigram reaches back over what was just read
        open_end = state[OPEN_END] != 0
        odd_at = -1
        while i < piece_end:
            byte = text[i]
            if byte < 0x80:
                code, width = np.int32(byte), 1
            else:
                code, width = decode_at(text, i)
            flag = classes[code]
            if flag & KIND_BITS == SPACE:
                i += width
                continue
            if flag & KIND_BITS == LINE_END:
                i += width
                broken = True
                continue
            token = i
            # Most tokens: ASCII letters and digits, then white space, a comma or a dot.
            while True:
                run = _count_word_bytes(_load(chunks, i))
                i += run
                if run < 8:
                    break
            if i > token:
                i = min(i, piece_end)
                word_end = i
                byte = text[i] if i < piece_end else np.uint8(32)
                if (byte == 44 or byte == 46) and (i + 1 == piece_end or text[i + 1] == 32 or text[i + 1] == 10):
                    i += 1
                if byte == 32 or byte == 10 or i > word_end:
                    begins[count] = token
                    ends[count] = word_end
                    flags[count] = not (broken or (open_end and flag & LOWER == 0))
                    count += 1
                    broken = False
                    open_end = byte == 46 and _dot_ends_sentence(text, token, i, classes)
                    continue
                i = token
            first_word = count
            starts_small = False
            strong_gap = False  # a sentence ended between the word before in this token and here
            last_code = np.int32(0)
            last_flag = np.uint8(0)  # of the last character that is no closer
            inside = False
            after_letter = False
            combining_before = False
            visible = False
            ignorable = 0
            begin = i
            word_end = i
            base_end = i
            trail = 0  # 1: an apostrophe was last; 2: apostrophe and s
            while True:
                kind = flag & KIND_BITS
                if kind > UNSURE:
                    ignorable |= _ANY if kind == JOINER else _ANY | _UNSPELLED
                else:
                    visible = True
                    stays = LETTER <= kind <= COMBINING and (inside or kind <= DIGIT)  # a mark begins no word
                    if kind == UNSURE or (kind == COMBINING and combining_before):
                        odd_at = token
                    elif kind == APOSTROPHE and inside and after_letter:
                        next_kind = kind_at(text, i + width, piece_end, classes)
                        stays = next_kind == LETTER
                        if next_kind == UNSURE:
                            odd_at = token
                    combining_before = kind == COMBINING
                    if stays:
                        if not inside:
                            inside = True
                            begin = i
                            trail = 0
                            if count == first_word:
                                starts_small = flag & LOWER != 0
                        elif ignorable & _UNSPELLED:
                            odd_at = token
                        ignorable &= ~_UNSPELLED
                        if kind == APOSTROPHE:
                            if trail != 2:
                                base_end = word_end
                            trail = 1
                            after_letter = False
                        else:
                            if trail == 1 and (code | 32 == 115 if code < 0x80 else _folds_to_s(code, starts, folded)):
                                trail = 2
                            else:
                                trail = 0
                            after_letter = kind != DIGIT
                        word_end = i + width
                    elif inside:
                        inside = False
                        after_letter = False
                        begins[count] = begin
                        ends[count] = base_end if trail == 2 else word_end
                        flags[count] = 0 if strong_gap else _MAY_JOIN
                        strong_gap = False
                        count += 1
                    if not stays and flag & STRONG != 0:
                        strong_gap = True
                    if flag & CLOSER == 0:
                        last_code = code
                        last_flag = flag
                i += width
                if i >= piece_end:
                    break
                byte = text[i]
                if byte < 0x80:
                    code, width = np.int32(byte), 1
                else:
                    code, width = decode_at(text, i)
                flag = classes[code]
                if flag & KIND_BITS >= SPACE:
                    break
            if inside:
                begins[count] = begin
                ends[count] = base_end if trail == 2 else word_end
                flags[count] = 0 if strong_gap else _MAY_JOIN
                count += 1
            if not visible:
                continue  # nothing stands here
            if ignorable != 0 and last_code == 46:
                odd_at = token  # how it ends, bytes alone do not tell
            if odd_at >= 0:
                count = first_word
                state[TOKEN_END] = i
                break
            if count == first_word:
                broken = True
            else:
                if broken or (open_end and not starts_small):
                    flags[first_word] = 0
                else:
                    flags[first_word] = _MAY_JOIN
                broken = False
            open_end = last_flag & STRONG != 0
            if last_code == 46 and not open_end:
                open_end = _dot_ends_sentence(text, token, i, classes)
        state[OPEN_END] = open_end
        # 2: hash them and touch their slots: reads that do not wait for each other
        mask = len(table) - 1
        touched = np.uint64(0)
        for word in range(count):
            length = ends[word] - begins[word]
            values[word] = bytes_hash(chunks, begins[word], min(length, MAX_WORD_BYTES))
            touched ^= table[np.int64(values[word] & np.uint64(mask)), HASH]
        state[TOUCHED] = np.int64(touched)
        # 3: look them up
        previous = state[PREVIOUS]
        num_keys = state[NUM_KEYS]
        for word in range(count):
            begin = begins[word]
            length = ends[word] - begin
            if length > MAX_WORD_BYTES:
                state[NUM_LONG] += 1
                previous = -1
                continue
            value = values[word]
            slot = _find(chunks, begin, length, value, table, arena)
            if table[slot, COUNTED] == 0:
                word_value = word_hash_of(text, begin, begin + length, classes, starts, folded)
                _insert(chunks, begin, length, value, word_value, slot, table, arena, state)
            number = np.int64(table[slot, COUNTED] & NUMBER_MASK) - 1
            table[slot, COUNTED] += _ONE
            if flags[word] and previous >= 0:
                keys[num_keys] = (np.uint64(previous) << np.uint64(32)) | np.uint64(number)
                num_keys += 1
            previous = number
        state[PREVIOUS] = -1 if broken else previous
        state[NUM_KEYS] = num_keys
        if odd_at >= 0:
            return odd_at, ODD
    return i, DONE
