"""Normal forms of many titles at once: UTF-8 rows in, the bytes of `schemas.text.normal_form` of each out.

The compiled pass follows the rule character by character; the few titles whose characters act on each other (see
`schemas.kernels.folding.UNSURE`) go through `normal_form` itself.
"""

import numpy as np
import numpy.typing as npt

from schemas.kernels.ascii import SINGLE_QUOTE, SPACE
from schemas.kernels.compiled import kernel, spliced
from schemas.kernels.folding import (
    APOSTROPHE,
    COMBINING,
    DIGIT,
    LETTER,
    SEPARATOR,
    UNSURE,
    decode_at,
    folding_tables,
    kind_at,
)
from schemas.kernels.utf8 import write_character
from schemas.text import normal_form

_UNSURE_TITLE = -1
_SMALL_S = ord("s")
_LARGEST_FOLDING = 18 * 4
"""Bytes that one character may fold to at most (U+FDFA has 18 characters), and a space."""


@spliced
def _without_possessive(out, begin, end):
    while end - begin >= 2 and out[end - 2] == SINGLE_QUOTE and out[end - 1] == _SMALL_S:
        end -= 2
    return end


@kernel
def _write_form(data, begin, end, classes, folded_starts, folded, out, o):
    """Write the normal form of ``data[begin:end]`` to ``out[o:]``; return its end, `_UNSURE_TITLE` if unsure."""
    first = o
    word = -1  # where the open word begins in `out`
    after_letter = False  # the character before is a letter or mark: an apostrophe may stay
    combining_before = False
    i = begin
    while i < end:
        code, size = decode_at(data, i)
        kind = classes[code]
        if kind >= UNSURE or (kind == COMBINING and combining_before):
            if kind > UNSURE:  # ignored
                i += size
                continue
            return _UNSURE_TITLE
        combining_before = kind == COMBINING
        stays = kind != SEPARATOR and (word >= 0 or kind <= DIGIT)  # a mark begins no word
        if kind == APOSTROPHE:
            following = kind_at(data, i + size, end, classes) if stays and after_letter else SEPARATOR
            if following == UNSURE:
                return _UNSURE_TITLE
            stays = following == LETTER
        if stays:
            if word < 0:
                if o > first:
                    out[o] = SPACE
                    o += 1
                word = o
            if kind == APOSTROPHE:
                out[o] = SINGLE_QUOTE
                o += 1
                after_letter = False
            else:
                for j in range(folded_starts[code], folded_starts[code + 1]):
                    o = write_character(folded[j], out, o)
                after_letter = kind != DIGIT
        elif word >= 0:
            o = _without_possessive(out, word, o)
            word = -1
            after_letter = False
        i += size
    if word >= 0:
        o = _without_possessive(out, word, o)
    return o


@kernel
def _write_forms(data, begins, ends, classes, folded_starts, folded, out, offsets, unsure):
    num_unsure = 0
    o = 0
    offsets[0] = 0
    for row in range(len(begins)):
        after = _write_form(data, begins[row], ends[row], classes, folded_starts, folded, out, o)
        if after == _UNSURE_TITLE:
            unsure[num_unsure] = row
            num_unsure += 1
            after = o
        o = after
        offsets[row + 1] = o
    return num_unsure


def normal_forms(
    data: npt.NDArray[np.uint8], begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (bytes, offsets) of the normal forms of the titles ``data[begins[i]:ends[i]]``."""
    # Folding may make three bytes of one and eighteen characters of three bytes; the rest is never touched.
    out = np.empty(int((ends - begins).sum()) * _LARGEST_FOLDING + len(begins), dtype=np.uint8)
    offsets = np.empty(len(begins) + 1, dtype=np.int64)
    unsure = np.empty(len(begins), dtype=np.int64)
    num_unsure = _write_forms(data, begins, ends, *folding_tables(), out, offsets, unsure)
    if not num_unsure:
        return out, offsets
    pieces, sizes, done = [], np.diff(offsets), 0
    for row in unsure[:num_unsure]:
        form = normal_form(data[begins[row] : ends[row]].tobytes().decode("utf-8", "replace")).encode()
        pieces += [out[done : offsets[row]], np.frombuffer(form, dtype=np.uint8)]
        done = int(offsets[row])
        sizes[row] = len(form)
    pieces.append(out[done : offsets[-1]])
    np.cumsum(sizes, out=offsets[1:])
    return np.concatenate(pieces), offsets
