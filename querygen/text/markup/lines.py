"""Where lines of wikitext begin and end, compiled: signs of lists, tables, headings; links end with their line.

In: the position of a line's first byte or of its end. Out: the positions after what stands there.
"""

import numpy as np

from querygen.text.markup.bytes_at import at, put
from querygen.text.markup.page import (
    EXTERNAL,
    HEADING_END,
    HEIGHT,
    LABEL,
    LINK,
    NOTHING,
    NUM_TABLES,
    NUM_TEMPLATES,
    SHOWN_LINK,
    TABLE,
    TEMPLATE,
    VARIANT,
    close_innermost,
    innermost,
    left_open_mark,
    open_at,
)
from schemas.kernels.ascii import CLOSE_BRACE, EQUALS, NEWLINE, RETURN, SPACE, TAB
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import inlined, leaf

_BEGINS_LINE = np.isin(np.arange(256), list(b" \t*#:;"))
"""White space, and the signs of lists."""


@inlined
def begin_line(page, i, o):
    """Return (i, o) behind white space, signs of lists and the begin or end of a table; end what a heading ends."""
    source, state = page.source, page.state
    size = len(source)
    begin = i
    while i < size and _BEGINS_LINE[source[i]]:
        i += 1
    ends_in_brace = at(source, i + 2, size) == CLOSE_BRACE  # {|} is no table; |}} may be a template's end
    if is_at(source, i, size, b"{|") and not ends_in_brace:
        open_at(page, TABLE, o)
        state[NUM_TABLES] += 1
        return i + 2, o
    if (
        state[NUM_TABLES] > 0
        and is_at(source, i, size, b"|}")
        and not (ends_in_brace and state[NUM_TEMPLATES] > 0)
        and _ends_table(page)
    ):
        state[NUM_TABLES] -= 1
        return i + 2, put(page.out, close_innermost(page), NEWLINE)
    if begin >= state[HEADING_END] and is_at(source, begin, size, b"=="):
        o = _begin_heading(page, begin, o)
    return i, o


@inlined
def _ends_table(page):
    """Tell whether a table is open in which no template is; links and files in it end."""
    while innermost(page) not in (NOTHING, TABLE, TEMPLATE):
        close_innermost(page)
    return innermost(page) == TABLE


@leaf
def _begin_heading(page, i, o):
    """Where the line at `i` is a heading, cut off what is open; return the end of the text.

    What is still open was never closed: the rest of its section is lost, not the whole article.
    """
    source, state = page.source, page.state
    size = len(source)
    end = i
    while end < size and source[end] != NEWLINE:
        end += 1
    state[HEADING_END] = end
    last = end - 1
    while last > i and source[last] in (SPACE, TAB, RETURN):
        last -= 1
    if source[last] != EQUALS or last <= i + 3:
        return o
    mark = left_open_mark(page)
    state[HEIGHT] = 0
    state[NUM_TEMPLATES] = 0
    state[NUM_TABLES] = 0
    return put(page.out, mark, NEWLINE) if mark >= 0 else o


@inlined
def end_line(page, i, o):
    """Return (i, o) behind a line end: a link ends with its line, the caption of a file may have several."""
    while innermost(page) in (LINK, SHOWN_LINK, LABEL, EXTERNAL, VARIANT):
        close_innermost(page)
    return i + 1, put(page.out, o, NEWLINE)
