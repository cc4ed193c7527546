"""A page while it is scanned: its wikitext, its text so far, and what is open, compiled.

In: where a construct begins. Out: what was opened last, and where it began, to go back to:

    text {{ a | b [[ c      kinds: TEMPLATE, LINK      marks: 5, 12 (places in the text: "text  a | b  c")
"""

from collections import namedtuple

import numpy as np

from schemas.kernels.compiled import leaf, spliced

Page = namedtuple("Page", "source out kinds marks state prefixes offsets")
"""The wikitext, room for the text and for the stack of what is open (a kind and a mark each), the numbers below, and
the names of this wiki's files and categories (ASCII in lower case, with spaces) one after the other."""

NOTHING, TEMPLATE, TABLE, LINK, SHOWN_LINK, LABEL, FILE, EXTERNAL, VARIANT = range(9)
"""Kinds. SHOWN_LINK: ``[[:``, which is never a file; LABEL: a link behind its bar."""

HEIGHT, NUM_TEMPLATES, NUM_TABLES, UNCLOSED, NO_CLOSING, OPEN_VARIANT, QUOTES_END, APOSTROPHE, HEADING_END = range(9)
"""Positions in ``state``: the height of the stack, how many templates and tables are in it; whether something was left
open; a bit for each tag that is closed nowhere in the rest of the page; the place in the stack of language variants
that are open, if they are; up to where quotes are sorted, and which of them are an apostrophe; up to where it is
known whether a line is a heading."""
_NUM_STATES = 9


@spliced
def new_page(source, out, kinds, marks, prefixes, offsets):
    """Return a page of which nothing is read."""
    state = np.zeros(_NUM_STATES, dtype=np.int64)
    state[APOSTROPHE] = -1
    return Page(source, out, kinds, marks, state, prefixes, offsets)


@spliced
def innermost(page):
    """Return the kind of what was opened last, NOTHING when all is closed."""
    height = page.state[HEIGHT]
    return page.kinds[height - 1] if height > 0 else np.uint8(NOTHING)


@spliced
def innermost_mark(page):
    """Return where what was opened last began in the text, 0 when all is closed."""
    height = page.state[HEIGHT]
    return page.marks[height - 1] if height > 0 else 0


@spliced
def open_at(page, kind, mark):
    """Put a construct on the stack that begins at `mark` of the text."""
    height = page.state[HEIGHT]
    page.kinds[height] = kind
    page.marks[height] = mark
    page.state[HEIGHT] = height + 1


@spliced
def close_innermost(page):
    """Take what was opened last off the stack; return where it began in the text."""
    height = page.state[HEIGHT] - 1
    page.state[HEIGHT] = height
    return page.marks[height]


@leaf
def left_open_mark(page):
    """Return where the outermost template, table or file that is open began in the text, -1 when none is; tell of it.

    Links are no loss: their text stays.
    """
    for place in range(page.state[HEIGHT]):
        if page.kinds[place] in (TEMPLATE, TABLE, FILE):
            page.state[UNCLOSED] = 1
            return page.marks[place]
    return -1
