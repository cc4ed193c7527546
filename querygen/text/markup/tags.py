"""Comments and HTML's tags in wikitext, compiled: gone; some with their content, some as a line end.

In: the position of a ``<``. Out: the positions after the comment, the tag, or the content.
"""

import numpy as np

from querygen.text.markup.bytes_at import at, is_letter, put
from querygen.text.markup.page import NO_CLOSING, UNCLOSED
from schemas.kernels.ascii import GREATER, LESS, NEWLINE, SLASH
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import inlined, leaf

DROPPED_TAGS = (
    "ref", "nowiki", "references", "math", "chem", "ce", "gallery", "timeline", "score", "syntaxhighlight",
    "source", "pre", "imagemap", "hiero", "graph", "mapframe", "maplink", "templatestyles", "inputbox",
    "categorytree", "style", "script", "table", "indicator", "charinsert", "templatedata",
)  # fmt: skip
"""Gone with their content, by the first closing tag; nowiki's content stays as it is."""
_REF, _NOWIKI = 0, 1

_BREAKING_TAGS = (
    "br", "p", "div", "li", "ul", "ol", "dl", "dd", "dt", "tr", "td", "th", "caption", "blockquote", "center", "hr",
    "poem", "h", "section",
)  # fmt: skip

_CODE_LETTERS, _CODE_BITS = 12, 5
_BEFORE_LETTERS = ord("a") - 1


def _tag_code(name: str) -> int:
    """Pack up to 12 letters of a tag name, 5 bits each."""
    code = 0
    for letter in name[:_CODE_LETTERS]:
        code = (code << _CODE_BITS) + ord(letter) - _BEFORE_LETTERS
    return code


_DROPPED = np.array([_tag_code(name) for name in DROPPED_TAGS], dtype=np.int64)
_BREAKING = np.array([_tag_code(name) for name in _BREAKING_TAGS], dtype=np.int64)


@leaf
def end_of_comment(page, i):
    """Return the position after the comment at `i`, the end of the page when it is not closed."""
    source = page.source
    size = len(source)
    end = i + len(b"<!--")
    while end < size and not is_at(source, end, size, b"-->"):
        end += 1
    if end >= size:
        page.state[UNCLOSED] = 1
        return size
    return end + len(b"-->")


@inlined
def take_tag(page, i, o):
    """Return (i, o) behind a tag, with its content where that goes, too; or behind a ``<`` that is shown."""
    source, out = page.source, page.out
    size = len(source)
    closing = at(source, i + 1, size) == SLASH
    code, end = _read_tag_name(source, i + 2 if closing else i + 1, size)
    while end < size and source[end] != GREATER and source[end] != LESS:
        end += 1
    if code == 0 or end >= size or source[end] == LESS:
        return i + 1, put(out, o, LESS)
    which = _find_code(_DROPPED, code)
    if which >= 0:
        if closing or source[end - 1] == SLASH:
            return end + 1, o
        return _drop_content(page, end + 1, o, which)
    if _find_code(_BREAKING, code) >= 0:
        o = put(out, o, NEWLINE)
    return end + 1, o


@inlined
def _drop_content(page, i, o, which):
    """Return (i, o) behind the closing tag of the dropped tag that ends at `i`, at `i` when nothing closes it."""
    source, out, state = page.source, page.out, page.state
    size = len(source)
    close = -1
    if (state[NO_CLOSING] >> which) & 1 == 0:
        close = _find_closing_tag(source, i, size, _DROPPED[which])
    if close < 0:
        state[NO_CLOSING] |= 1 << which
        state[UNCLOSED] = 1
        return i, o
    if which == _NOWIKI:
        o = copy_bytes(source, i, close, out, o)
    elif which != _REF:
        o = put(out, o, NEWLINE)
    while close < size and source[close] != GREATER:
        close += 1
    return close + 1, o


@leaf
def _read_tag_name(source, position, size):
    """Return (code, position after the letters); the code of no name is 0."""
    code = 0
    letters = 0
    while position < size and is_letter(source[position]):
        if letters < _CODE_LETTERS:
            code = (code << _CODE_BITS) + (source[position] | 32) - _BEFORE_LETTERS
        letters += 1
        position += 1
    return code, position


@leaf
def _find_closing_tag(source, position, size, code):
    """Return the position of ``</name``, -1 when there is none."""
    while position + 2 < size:
        if is_at(source, position, size, b"</"):
            found, after = _read_tag_name(source, position + 2, size)
            if found == code:
                return position
            position = after
        else:
            position += 1
    return -1


@inlined
def _find_code(codes, code):
    """Return the place of `code` in `codes`, -1 when it is not there."""
    for which in range(len(codes)):
        if codes[which] == code:
            return which
    return -1
