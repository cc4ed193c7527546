"""Links within the wiki, compiled: their label is kept, files and categories go with all that is in them.

In: the position of brackets or a bar. Out: the positions after them. A link turns out to be a file by its prefix, or
at its bar or its end, when its title is read:

    [[Bild:x.jpg|thumb|A [[dog]]]]      at the first "|": a file, which ends at the last "]]"
"""

from querygen.text.markup.bytes_at import at, put
from querygen.text.markup.link_names import has_prefix, is_file_name, is_language_prefix
from querygen.text.markup.page import (
    FILE,
    HEIGHT,
    LABEL,
    LINK,
    SHOWN_LINK,
    close_innermost,
    innermost,
    innermost_mark,
    open_at,
)
from schemas.kernels.ascii import BAR, COLON, NEWLINE, SPACE
from schemas.kernels.compiled import inlined


@inlined
def open_link(page, i, o):
    """Return (i, o) behind ``[[`` and spaces."""
    source = page.source
    size = len(source)
    i += 2
    while at(source, i, size) == SPACE:
        i += 1
    if at(source, i, size) == COLON:  # [[:File:x.jpg]] is a link to the file, not the file
        open_at(page, SHOWN_LINK, o)
        return i + 1, o
    is_file = has_prefix(source, i, size, page.prefixes, page.offsets) or is_language_prefix(source, i, size)
    open_at(page, FILE if is_file else LINK, o)
    return i, o


@inlined
def take_bar(page, o):
    """Return the end of the text behind a bar: of a link what stood before it goes."""
    kind = innermost(page)
    if kind not in (LINK, SHOWN_LINK):
        return put(page.out, o, BAR)
    mark = innermost_mark(page)
    is_file = kind == LINK and is_file_name(page.out, mark, o)
    page.kinds[page.state[HEIGHT] - 1] = FILE if is_file else LABEL
    return mark


@inlined
def close_link(page, o):
    """Return the end of the text behind ``]]``."""
    kind = innermost(page)
    if kind == FILE or (kind == LINK and is_file_name(page.out, innermost_mark(page), o)):
        return put(page.out, close_innermost(page), NEWLINE)
    if kind in (LINK, SHOWN_LINK, LABEL):
        close_innermost(page)
    return o
