"""One compiled pass over the bytes of a page of wikitext: text out, templates, tables and markup gone.

It writes text as it goes and, where a construct turns out to be a template, a table or a file, goes back to where it
began; so time is linear for any input:

    text {{ a | b [[ c ]] }} more       stack at "c": [template at 5, link]
    out: "text " + "a | b c"  -- at "}}" -->  "text \\n"

A module beside this one reads each construct; `i` is a position in the wikitext, `o` one in the text, in all of them.
"""

import numpy as np

from querygen.text.markup.addresses import open_bracket, take_colon
from querygen.text.markup.bytes_at import is_capital_letter, put, run_size
from querygen.text.markup.lines import begin_line, end_line
from querygen.text.markup.links import close_link, open_link, take_bar
from querygen.text.markup.page import (
    EXTERNAL,
    UNCLOSED,
    VARIANT,
    close_innermost,
    innermost,
    left_open_mark,
    new_page,
)
from querygen.text.markup.quotes import take_quotes
from querygen.text.markup.tags import end_of_comment, take_tag
from querygen.text.markup.templates import close_template, open_template
from querygen.text.markup.variants import keep_variant, open_variant
from schemas.kernels.ascii import NEWLINE
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import inlined, kernel, leaf

_OPEN_BRACE, _CLOSE_BRACE, _OPEN_BRACKET, _CLOSE_BRACKET, _BAR, _LESS, _QUOTE, _UNDERSCORE, _COLON, _EQUALS = (
    b"{}[]|<'_:="
)
_SPECIAL = np.isin(np.arange(256), list(b"\n{}[]|<'_:="))
_MAX_SWITCH_BYTES = 32


@kernel
def scan(source, out, kinds, marks, prefixes, offsets):
    """Write the text of `source` to `out`; return (bytes written, whether something was left open).

    For the rest see `Page`; `kinds` and `marks` have room for as many constructs as can be open.
    """
    page = new_page(source, out, kinds, marks, prefixes, offsets)
    written = _scan_page(page)
    return written, page.state[UNCLOSED] != 0


@leaf
def _scan_page(page):
    source, out = page.source, page.out
    size = len(source)
    i = o = np.int64(0)  # for a constant 0 all of these functions would be compiled once more
    is_line_start = True
    while i < size:
        if is_line_start:
            is_line_start = False
            i, o = begin_line(page, i, o)
            continue
        byte = source[i]
        if not _SPECIAL[byte]:
            i, o = _copy_plain(source, i, size, out, o)
        elif byte == NEWLINE:
            i, o = end_line(page, i, o)
            is_line_start = True
        elif byte == _OPEN_BRACE:
            i, o = _open_brace(page, i, o)
        elif byte == _CLOSE_BRACE:
            i, o = _close_brace(page, i, o)
        elif byte == _OPEN_BRACKET:
            i, o = open_link(page, i, o) if is_at(source, i, size, b"[[") else open_bracket(page, i, o)
        elif byte == _CLOSE_BRACKET:
            i, o = _close_bracket(page, i, o)
        elif byte == _BAR:
            i, o = i + 1, take_bar(page, o)
        elif byte == _LESS:
            if is_at(source, i, size, b"<!--"):
                i = end_of_comment(page, i)
                is_line_start = o == 0 or out[o - 1] == NEWLINE  # MediaWiki takes comments out before all else
            else:
                i, o = take_tag(page, i, o)
        elif byte == _QUOTE:
            i, o = take_quotes(page, i, o)
        elif byte == _UNDERSCORE:
            i, o = _take_underscore(page, i, o)
        elif byte == _COLON:
            i, o = take_colon(page, i, o)
        else:
            i, o = _take_equals(page, i, o)
    mark = left_open_mark(page)
    return mark if mark >= 0 else o


@inlined
def _copy_plain(source, i, size, out, o):
    """Copy the byte at `i` and what follows up to a special one: two bytes of three of a page."""
    byte = source[i]
    while True:
        out[np.uint64(o)] = byte  # an unsigned index spares the test for a negative one
        o += 1
        i += 1
        if i >= size:
            break
        byte = source[np.uint64(i)]
        if _SPECIAL[byte]:
            break
    return i, o


@inlined
def _open_brace(page, i, o):
    source = page.source
    size = len(source)
    if is_at(source, i, size, b"{{!}}"):  # a bar is markup, too
        return i + len(b"{{!}}"), take_bar(page, o)
    if is_at(source, i, size, b"{{"):
        return open_template(page, i, o)
    return open_variant(page, i, o)


@inlined
def _close_brace(page, i, o):
    source = page.source
    size = len(source)
    if is_at(source, i, size, b"}}"):
        return close_template(page, i, o)
    if innermost(page) == VARIANT and is_at(source, i, size, b"}-"):
        return i + 2, keep_variant(page.out, close_innermost(page), o)
    return i + 1, put(page.out, o, _CLOSE_BRACE)


@inlined
def _close_bracket(page, i, o):
    if innermost(page) == EXTERNAL:
        close_innermost(page)
        return i + 1, o
    if is_at(page.source, i, len(page.source), b"]]"):
        return i + 2, close_link(page, o)
    return i + 1, put(page.out, o, _CLOSE_BRACKET)


@inlined
def _take_underscore(page, i, o):
    """Return (i, o) behind a switch (``__NOTOC__``), which goes, or behind an underscore."""
    source = page.source
    size = len(source)
    if is_at(source, i, size, b"__"):
        end = i + 2
        while end < size and end - i < _MAX_SWITCH_BYTES and is_capital_letter(source[end]):
            end += 1
        if end > i + 4 and is_at(source, end, size, b"__"):
            return end + 2, o
    return i + 1, put(page.out, o, _UNDERSCORE)


@inlined
def _take_equals(page, i, o):
    """Return (i, o) behind signs of equality: several are a heading's."""
    run = run_size(page.source, i, len(page.source), _EQUALS)
    return i + run, put(page.out, o, _EQUALS) if run == 1 else o
