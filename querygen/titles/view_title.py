"""Titles as page views write them: raw bytes in, the title as MediaWiki stores it out.

``caf%C3%A9_noir#History`` is the page ``Café noir``: percent-encoding undone (again while there is some: no title
holds ``%41``), the section cut off, underscores and white space made single spaces, the first letter capital,
direction marks gone, NFC. What can be no title (MediaWiki manual, "Page title") is refused.
"""

import functools
import re
import unicodedata

import numpy as np
import numpy.typing as npt

from querygen.wiki.dump import plain_title
from schemas.kernels.ascii import HASH_SIGN, PERCENT, SPACE, TO_SMALL, UNDERSCORE, hexadecimal, is_small_letter
from schemas.kernels.compiled import leaf
from schemas.kernels.folding import decode_at

MAX_TITLE_BYTES = 255
MAX_ENCODINGS = 4
"""Percent-encoding is undone at most so often; longer towers are refused, they would take quadratic time."""

SURE, REFUSED, SLOW = 0, 1, 2
"""What `canonical_title` says of a raw title: done, no title, ask `slow_title`."""

_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>\[\]{}|\ufffd]")
_DIRECTION_MARKS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F)])

_ODD, _ODD_FIRST, _COMBINING = 1, 2, 4

_PERCENT, _STOP, _HIGH = 1, 2, 4
_BYTES = np.zeros(256, dtype=np.uint8)
_BYTES[list(b"#<>[]{}|\x7f")] = _STOP
_BYTES[:32] = _STOP
_BYTES[PERCENT] = _PERCENT
_BYTES[0x80:] = _HIGH


def slow_title(raw: bytes) -> bytes | None:
    """Return the title that `raw` names, None when it names none. The rule; `canonical_title` agrees with it."""
    for _ in range(MAX_ENCODINGS):
        if not _ENCODED.search(raw):
            break
        raw = _ENCODED.sub(lambda match: bytes([int(match.group(1), 16)]), raw)
    if _ENCODED.search(raw):
        return None
    try:
        text = raw.partition(b"#")[0].decode()
    except UnicodeDecodeError:
        return None
    if _FORBIDDEN.search(text):
        return None
    title = plain_title(unicodedata.normalize("NFC", text.translate(_DIRECTION_MARKS))).encode()
    return title if 0 < len(title) <= MAX_TITLE_BYTES else None


@functools.lru_cache(maxsize=1)
def title_classes() -> npt.NDArray[np.uint8]:
    """Return for each code point whether `canonical_title` leaves it (anywhere, as first letter) to `slow_title`."""
    classes = np.zeros(0x110000, dtype=np.uint8)
    for code in range(0x80, 0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Co", "Cs"):
            continue
        if character.isspace() or code in _DIRECTION_MARKS or code == 0xFFFD:
            classes[code] |= _ODD
        if unicodedata.combining(character):
            classes[code] |= _COMBINING
        if plain_title(character) != character:
            classes[code] |= _ODD_FIRST
        parts = unicodedata.decomposition(character).split()
        if parts and parts[0][0] != "<":
            if unicodedata.normalize("NFC", character) != character:
                classes[code] |= _ODD
            if len(parts) == 2:
                classes[int(parts[1], 16)] |= _ODD  # may compose with the character before it
    classes[0x1160:0x1200] |= _ODD  # Hangul vowels and finals compose by rule, not by table
    return classes


@leaf
def _percent_decode(data, begin, end, out):
    """Undo one percent-encoding into `out`, which may be `data` itself; return (its end, whether there was any)."""
    o = 0
    i = begin
    found = False
    while i < end:
        byte = data[i]
        if byte == PERCENT and i + 2 < end:
            high = hexadecimal(data[i + 1])
            low = hexadecimal(data[i + 2])
            if high >= 0 and low >= 0:
                byte = np.uint8(16 * high + low)
                i += 2
                found = True
        out[o] = byte
        o += 1
        i += 1
    return o, found


@leaf
def _character_bytes(text, i, size):
    """Return how many bytes the character at `i` has, 0 when it is no UTF-8."""
    first = text[i]
    if first < 0x80:
        return 1
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC2 or first > 0xF4 or i + length > size:
        return 0
    for k in range(1, length):
        if text[i + k] & 0xC0 != 0x80:
            return 0
    second = text[i + 1]
    if (
        (first == 0xE0 and second < 0xA0)  # longer than needed
        or (first == 0xED and second >= 0xA0)  # a surrogate
        or (first == 0xF0 and second < 0x90)  # longer than needed
        or (first == 0xF4 and second >= 0x90)  # above U+10FFFF
    ):
        return 0
    return length


@leaf
def _check_characters(text, size, classes):
    """Tell whether the characters of ``text[:size]`` are `SURE`, or the text `REFUSED` (not UTF-8) or `SLOW`."""
    verdict = SURE
    combining_before = False
    i = 0
    while i < size:
        if text[i] < 0x80:
            combining_before = False
            i += 1
            continue
        length = _character_bytes(text, i, size)
        if length == 0:
            return REFUSED
        code, _ = decode_at(text, i)
        kind = classes[code]
        combining = kind & _COMBINING != 0
        if kind & _ODD or (i == 0 and kind != 0) or (combining and combining_before):
            verdict = SLOW
        combining_before = combining
        i += length
    return verdict


@leaf
def _clean(source, begin, end, out):
    """Copy up to a section, with single spaces; return the length, 0 if a character is forbidden. In place too."""
    length = 0
    after_space = True
    for i in range(begin, end):
        byte = source[i]
        if _BYTES[byte] & _STOP:
            if byte == HASH_SIGN:
                break
            return 0
        space = byte in (UNDERSCORE, SPACE)
        if not (space and after_space):
            out[length] = SPACE if space else byte
            length += 1
        after_space = space
    return length - 1 if length > 0 and after_space else length


@leaf
def canonical_title(data, begin, end, classes, out, o):
    """Write the title that ``data[begin:end]`` names to ``out[o:]`` (as much room); return (verdict, its length)."""
    text = out[o:]
    flags: int = 0
    length = 0
    after_space = True
    for i in range(begin, end):  # without a branch: most titles need no more than this
        byte = data[i]
        flags |= int(_BYTES[byte])
        space = byte in (UNDERSCORE, SPACE)
        text[length] = SPACE if space else byte
        length += 0 if space and after_space else 1
        after_space = space
    if length > 0 and after_space:
        length -= 1
    if flags & _PERCENT:
        length, encoded = _percent_decode(data, begin, end, text)
        times = 1
        while encoded and times < MAX_ENCODINGS:
            length, encoded = _percent_decode(text, 0, length, text)
            times += 1
        if encoded:
            for i in range(length - 2):
                if text[i] == PERCENT and hexadecimal(text[i + 1]) >= 0 and hexadecimal(text[i + 2]) >= 0:
                    return REFUSED, 0
        length = _clean(text, 0, length, text)
        flags |= _HIGH
    elif flags & _STOP:
        length = _clean(data, begin, end, text)
    if length == 0:
        return REFUSED, 0
    if flags & _HIGH:
        verdict = _check_characters(text, length, classes)
        if verdict != SURE:
            return verdict, length
    if length > MAX_TITLE_BYTES:
        return REFUSED, 0
    if is_small_letter(text[0]):
        text[0] -= TO_SMALL
    return SURE, length
