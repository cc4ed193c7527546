"""Quotes that stand for bold and italics, compiled: gone, but for apostrophes among them.

In: the position of the first of several quotes. Out: the positions after them.
"""

from querygen.text.markup.bytes_at import put, run_size
from querygen.text.markup.page import APOSTROPHE, QUOTES_END
from schemas.kernels.ascii import NEWLINE, SINGLE_QUOTE, SPACE
from schemas.kernels.compiled import inlined, leaf

_ITALIC, _BOLD, _BOTH = 2, 3, 5
"""How many quotes are what; one is an apostrophe, four are one before bold, and above five all but five are shown."""


@inlined
def take_quotes(page, i, o):
    """Return (i, o) behind the quotes at `i`."""
    source, out, state = page.source, page.out, page.state
    size = len(source)
    run = run_size(source, i, size, SINGLE_QUOTE)
    if run > 1 and i >= state[QUOTES_END]:
        state[APOSTROPHE], state[QUOTES_END] = _find_apostrophe(source, i, size)
    if run == 1 or run == _BOLD + 1 or i == state[APOSTROPHE]:
        o = put(out, o, SINGLE_QUOTE)
    for _ in range(run - _BOTH):
        o = put(out, o, SINGLE_QUOTE)
    return i + run, o


@leaf
def _find_apostrophe(source, position, size):
    """Return (position of the three quotes on this line that are an apostrophe and two quotes or -1, end of line).

    MediaWiki's rule: where a line has an odd number of both bold and italic marks, three quotes are not bold but an
    apostrophe before italic: best after a word of one letter (l'''Iliade''), else after a longer one (''Iliad'''s),
    else after a space.
    """
    bold = 0
    italic = 0
    after_letter, after_word, after_space = -1, -1, -1
    i = position
    while i < size:
        byte = source[i]
        if byte != SINGLE_QUOTE:
            if byte == NEWLINE:
                break
            i += 1
            continue
        run = run_size(source, i, size, SINGLE_QUOTE)
        if run == _ITALIC or run >= _BOTH:
            italic += 1
        if run >= _BOLD:
            bold += 1
        if run == _BOLD:
            if i > 0 and source[i - 1] == SPACE:
                after_space = i if after_space < 0 else after_space
            elif _is_behind_letter(source, i):
                after_letter = i if after_letter < 0 else after_letter
            elif after_word < 0:
                after_word = i
        i += run
    if bold % 2 == 0 or italic % 2 == 0:
        return -1, i
    if after_letter >= 0:
        return after_letter, i
    return (after_word if after_word >= 0 else after_space), i


@inlined
def _is_behind_letter(source, position):
    """Tell whether a word of one letter, of up to four bytes, ends at `position`."""
    before = position - 1
    while before > position - 4 and before > 0 and source[before] & 0xC0 == 0x80:
        before -= 1
    return before > 0 and source[before - 1] == SPACE
