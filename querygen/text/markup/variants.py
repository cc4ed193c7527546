"""Language variants of one word (``-{zh-hans:国;zh-hant:國}-``), compiled: the first of them is kept.

In: the position of a brace. Out: the positions after it; at the end of the variants, the first in place of all.
"""

import numpy as np

from querygen.text.markup.bytes_at import put
from querygen.text.markup.page import HEIGHT, OPEN_VARIANT, VARIANT, open_at
from schemas.kernels.ascii import BAR, COLON, DASH, OPEN_BRACE, SEMICOLON, SPACE, is_small_letter
from schemas.kernels.compiled import inlined, leaf

_HIDES = np.isin(np.arange(256), list(b"HTN-"))
_MAX_FLAGS_BYTES = 24
_MAX_CODE_BYTES = 16


@inlined
def open_variant(page, i, o):
    """Return (i, o) behind a brace that is shown, or with a dash before it begins variants."""
    source, out = page.source, page.out
    is_dashed = o > 0 and i > 0 and source[i - 1] == DASH and out[o - 1] == DASH
    if is_dashed and not _is_variant_open(page):
        page.state[OPEN_VARIANT] = page.state[HEIGHT]
        open_at(page, VARIANT, o - 1)
    return i + 1, put(out, o, OPEN_BRACE)


@inlined
def _is_variant_open(page):
    """Tell whether variants are open: those within others would be read twice."""
    place = page.state[OPEN_VARIANT]
    return place < page.state[HEIGHT] and page.kinds[place] == VARIANT


@leaf
def keep_variant(out, start, stop):
    """Put the first of the variants in ``out[start:stop]`` (``-{flags|zh-hans:a;zh-hant:b``) there; return its end.

    Rules that only set something (flags H, T, N, -) leave nothing.
    """
    begin = start + 2
    hidden = False
    flag = begin
    while flag < stop and flag - begin < _MAX_FLAGS_BYTES and out[flag] != BAR and out[flag] != COLON:
        hidden = hidden or _HIDES[out[flag]]
        flag += 1
    if flag < stop and out[flag] == BAR:
        # "zh-hans;zh-hant|text" names languages instead of flags: the text is shown in these
        if hidden and not is_small_letter(out[begin]):
            return start
        begin = flag + 1
    text = _variant_text(out, begin, stop)
    if text >= 0:
        begin = text
        end = begin
        while end < stop and not (out[end] == SEMICOLON and _variant_text(out, end + 1, stop) >= 0):
            end += 1
        if end == stop and end > begin and out[end - 1] == SEMICOLON:
            end -= 1
        stop = end
    for k in range(begin, stop):
        out[start] = out[k]
        start += 1
    return start


@leaf
def _variant_text(out, position, stop):
    """Return where the text of ``zh-hans: text`` begins, -1 when no language code and colon stand at `position`."""
    while position < stop and out[position] == SPACE:
        position += 1
    begin = position
    while (
        position < stop
        and position - begin < _MAX_CODE_BYTES
        and (is_small_letter(out[position]) or out[position] == DASH)
    ):
        position += 1
    return position + 1 if position - begin >= 2 and position < stop and out[position] == COLON else -1
