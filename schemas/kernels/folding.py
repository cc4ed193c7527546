"""Tables that let compiled kernels fold and split text exactly as `schemas.text` does, and what they share.

In: the Unicode database of this Python. Out: a class per code point and its folded code points. What
cannot be told from one code point (composition, reordering of marks) is class `UNSURE`; the few texts that
hold such a character take the slow way through `schemas.text.normal_form`.
"""

import functools
import itertools
import unicodedata

import numpy as np
import numpy.typing as npt

from schemas.ignorable import JOINERS, ignorable_codes
from schemas.kernels.compiled import spliced
from schemas.text import APOSTROPHES, fold

SEPARATOR, LETTER, DIGIT, MARK, COMBINING, APOSTROPHE, UNSURE, IGNORED, JOINER = range(9)
"""COMBINING: a mark that is ordered among others (combining class not 0): sure only behind a character that is not.
IGNORED and JOINER: as in `schemas.ignorable`; a kernel goes on as if they were not there. LETTER and DIGIT begin words,
those up to APOSTROPHE may go on with one."""
KIND_BITS = 15
"""The class is in these bits of a table's entries; a kernel's own table may have flags above them."""

HASH_SEED = np.uint64(0xCBF29CE484222325)
HASH_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)

_HANGUL_MEDIAL_AND_FINAL = range(0x1160, 0x1200)
_ASSIGNED = (range(0x34000), range(0xE0000, 0xE1000))
"""The code points outside the planes that hold no characters or private ones only."""


@spliced
def finish_hash(state):
    """Return `state` with its bits well mixed (the finaliser of MurmurHash3)."""
    state ^= state >> np.uint64(33)
    state *= _MIX_1
    state ^= state >> np.uint64(33)
    state *= _MIX_2
    state ^= state >> np.uint64(33)
    return state


@spliced
def decode_at(data, i):
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


@spliced
def kind_at(data, i, end, classes):
    """Return the class of the first character in ``data[i:end]`` that is not ignored, SEPARATOR where there is none."""
    while i < end:
        code, size = decode_at(data, i)
        kind = classes[code] & KIND_BITS
        if kind != IGNORED and kind != JOINER:
            return kind
        i += size
    return SEPARATOR


@functools.lru_cache(maxsize=1)
def folding_tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return (class of each code point, start of its folded code points, the folded code points).

    ``folded[starts[c]:starts[c + 1]]`` is the folded form of c; classes as above. Takes a fraction of a second.
    """
    codes = np.concatenate([np.arange(part.start, part.stop) for part in _ASSIGNED])
    characters = list(map(chr, itertools.chain(*_ASSIGNED)))
    categories = np.frombuffer("".join(map(unicodedata.category, characters)).encode(), dtype="<u2")  # two letters each
    surrogate, unassigned, private, control, other_letter = np.frombuffer(b"CsCnCoCcLo", dtype="<u2")
    decompositions = list(map(unicodedata.decomposition, characters))
    composing = _second_characters(decompositions)
    composes = np.isin(codes, [ord(character) for character in composing])
    classes = np.full(0x110000, SEPARATOR, dtype=np.uint8)
    sizes = np.zeros(0x110000, dtype=np.int32)
    ignored = np.isin(codes, ignorable_codes())
    alone = (categories == other_letter) & ~np.array(list(map(bool, decompositions))) & ~ignored  # most: Han, Hangul
    classes[codes[categories == surrogate]] = UNSURE
    classes[codes[ignored]] = IGNORED
    classes[list(JOINERS)] = JOINER
    classes[codes[alone]] = np.where(composes[alone], UNSURE, LETTER)
    sizes[codes[alone & ~composes]] = 1
    others: dict[int, str] = {}
    rest = ~alone & ~ignored & ~np.isin(categories, (surrogate, unassigned, private, control))
    for place in np.flatnonzero(rest).tolist():
        code, form = int(codes[place]), fold(characters[place])
        found = _class_of(characters[place], form, composing)
        classes[code] = found
        if found not in (SEPARATOR, UNSURE):
            sizes[code] = len(form)
            others[code] = form
    starts = np.zeros(0x110001, dtype=np.int32)
    np.cumsum(sizes, out=starts[1:])
    folded = np.empty(starts[-1], dtype=np.int32)
    folded[starts[codes[alone & ~composes]]] = codes[alone & ~composes]
    for code, form in others.items():
        folded[starts[code] : starts[code + 1]] = list(map(ord, form))
    return classes, starts, folded


def _class_of(character: str, form: str, composing: set[str]) -> int:
    kinds = [unicodedata.category(part)[0] for part in form]
    if character not in composing and form[0] not in APOSTROPHES and not set(kinds) & set("LN") and kinds[0] != "M":
        return SEPARATOR  # marks on a sign (U+00B4 folds to a space and one) are of no word, whatever follows
    if character in composing or any(part in composing for part in form):
        return UNSURE
    if form in APOSTROPHES:
        return APOSTROPHE
    if any(part in APOSTROPHES for part in form):
        return UNSURE
    if unicodedata.combining(character):
        return COMBINING if form == character else UNSURE
    if any(unicodedata.combining(part) for part in form):
        return UNSURE
    return {"L": LETTER, "N": DIGIT, "M": MARK}[kinds[0]] if len(set(kinds)) == 1 else UNSURE


def _second_characters(decompositions: list[str]) -> set[str]:
    """Return the characters that may compose with the one before them."""
    found = {chr(code) for code in _HANGUL_MEDIAL_AND_FINAL}
    for decomposition in filter(None, decompositions):
        if not decomposition.startswith("<"):
            parts = decomposition.split()
            if len(parts) == 2:
                found.add(chr(int(parts[1], 16)))
    return found
