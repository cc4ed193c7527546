"""One compiled pass over the bytes of a page of wikitext: text out, templates, tables and markup gone.

It writes text as it goes and, where a construct turns out to be a template, a table or a file, goes back to where it
began; so time is linear for any input:

    text {{ a | b [[ c ]] }} more       stack at "c": [template at 5, link]
    out: "text " + "a | b c"  -- at "}}" -->  "text \\n"
"""

import numpy as np

from querygen.text.markup_lookahead import (
    at,
    ends_url,
    find_apostrophe,
    find_closing_tag,
    find_name,
    has_prefix,
    is_file_name,
    is_language_prefix,
    is_letter,
    keep_variant,
    read_tag_name,
    url_size,
)  # fmt: skip
from schemas.kernels.compiled import kernel

_TEMPLATE, _TABLE, _LINK, _SHOWN_LINK, _LABEL, _FILE, _EXTERNAL, _VARIANT = 1, 2, 3, 4, 5, 6, 7, 8
_REF, _NOWIKI = 0, 1

_DROPPED_TAGS = (
    "ref", "nowiki", "references", "math", "chem", "ce", "gallery", "timeline", "score", "syntaxhighlight",
    "source", "pre", "imagemap", "hiero", "graph", "mapframe", "maplink", "templatestyles", "inputbox",
    "categorytree", "style", "script", "table", "indicator", "charinsert", "templatedata",
)  # fmt: skip
"""Gone with their content, by the first closing tag; nowiki's content stays as it is."""

_BREAKING_TAGS = (
    "br", "p", "div", "li", "ul", "ol", "dl", "dd", "dt", "tr", "td", "th", "caption", "blockquote", "center", "hr",
    "poem", "h", "section",
)  # fmt: skip


def _tag_code(name: str) -> int:
    """Pack up to 12 letters of a tag name, 5 bits each."""
    code = 0
    for letter in name[:12]:
        code = code * 32 + ord(letter) - 96
    return code


_DROPPED = np.array([_tag_code(name) for name in _DROPPED_TAGS], dtype=np.int64)
_BREAKING = np.array([_tag_code(name) for name in _BREAKING_TAGS], dtype=np.int64)

_SPECIAL = np.zeros(256, dtype=np.bool_)
_SPECIAL[list(b"\n{}[]|<'_:=")] = True

_WRITTEN = {
    b"!": "|", b"'": "'", b"'s": "'s", b"=": "=", b"nbsp": "\u00a0", b"ndash": "–", b"mdash": "—",
    b"snd": "\u00a0– ", b"spnd": "\u00a0– ", b"spaced ndash": "\u00a0– ",
}  # fmt: skip
"""Templates that stand for a character in the middle of a sentence; every other one ends the line."""

_WRITTEN_NAMES = np.frombuffer(b"".join(_WRITTEN), dtype=np.uint8)
_WRITTEN_NAME_OFFSETS = np.cumsum([0, *map(len, _WRITTEN)]).astype(np.int64)
_WRITTEN_TEXTS = np.frombuffer("".join(_WRITTEN.values()).encode(), dtype=np.uint8)
_WRITTEN_TEXT_OFFSETS = np.cumsum([0, *(len(text.encode()) for text in _WRITTEN.values())]).astype(np.int64)
_WRITTEN_LONGEST = max(map(len, _WRITTEN))
_BAR = 0  # {{!}}, the first of them, is markup too

_NEWLINE, _SPACE, _TAB = 10, 32, 9


@kernel
def scan(source, size, out, kinds, marks, prefixes, offsets):
    """Write the text of ``source[:size]`` to `out`; return (bytes written, whether something was left open)."""
    i = 0
    o = 0
    top = 0  # height of the stack (kinds, marks)
    num_templates = 0
    num_tables = 0
    unclosed = False
    no_closing = np.zeros(len(_DROPPED), dtype=np.bool_)
    variant = 0  # place in the stack of the language variants that are open, if they are
    quotes_end = 0  # the quotes before it are sorted; among them the one at:
    apostrophe = -1
    heading_end = 0  # whether the line that ends there is a heading has been seen
    line_start = True
    while i < size or line_start:
        if line_start:
            line_start = False
            j = i
            while j < size and source[j] in (_SPACE, _TAB, 42, 35, 58, 59):  # white space * # : ;
                j += 1
            third = at(source, j + 2, size)
            if at(source, j, size) == 123 and at(source, j + 1, size) == 124 and third != 125:  # {|
                kinds[top] = _TABLE
                marks[top] = o
                top += 1
                num_tables += 1
                i = j + 2
                continue
            closes_table = num_tables > 0 and (third != 125 or num_templates == 0)
            if closes_table and at(source, j, size) == 124 and at(source, j + 1, size) == 125:  # |}
                while top > 0 and kinds[top - 1] != _TABLE and kinds[top - 1] != _TEMPLATE:
                    top -= 1
                if top > 0 and kinds[top - 1] == _TABLE:
                    top -= 1
                    num_tables -= 1
                    o = marks[top]
                    out[o] = _NEWLINE
                    o += 1
                    i = j + 2
                    continue
            if i >= heading_end and at(source, i, size) == 61 and at(source, i + 1, size) == 61:  # ==
                end = i
                while end < size and source[end] != _NEWLINE:
                    end += 1
                heading_end = end
                last = end - 1
                while last > i and source[last] in (_SPACE, _TAB, 13):
                    last -= 1
                if source[last] == 61 and last > i + 3:
                    # A heading: what is still open was never closed. Cut it off here, not the whole article.
                    for k in range(top):
                        if kinds[k] == _TEMPLATE or kinds[k] == _TABLE or kinds[k] == _FILE:
                            o = marks[k]
                            out[o] = _NEWLINE
                            o += 1
                            unclosed = True
                            break
                    top = 0
                    num_templates = 0
                    num_tables = 0
            else:
                i = j
            continue
        byte = source[i]
        if not _SPECIAL[byte]:
            # Two bytes of three are copied here; an unsigned index spares the test for a negative one.
            while True:
                out[np.uint64(o)] = byte
                o += 1
                i += 1
                if i >= size:
                    break
                byte = source[np.uint64(i)]
                if _SPECIAL[byte]:
                    break
            continue
        following = at(source, i + 1, size)
        if byte == 123 and following == 123:  # {{
            which = find_name(source, i + 2, size, _WRITTEN_NAMES, _WRITTEN_NAME_OFFSETS, _WRITTEN_LONGEST)
            if which == _BAR:
                i += 4
                byte = np.uint8(124)
            elif which >= 0:
                for k in range(_WRITTEN_TEXT_OFFSETS[which], _WRITTEN_TEXT_OFFSETS[which + 1]):
                    out[o] = _WRITTEN_TEXTS[k]
                    o += 1
                i += 4 + _WRITTEN_NAME_OFFSETS[which + 1] - _WRITTEN_NAME_OFFSETS[which]
                continue
        if byte == _NEWLINE:
            while top > 0 and kinds[top - 1] in (_LINK, _SHOWN_LINK, _LABEL, _EXTERNAL, _VARIANT):
                top -= 1  # a link ends with its line; the caption of a file may have several
            out[o] = _NEWLINE
            o += 1
            i += 1
            line_start = True
        elif byte == 123:  # {
            if following == 123:
                kinds[top] = _TEMPLATE
                marks[top] = o
                top += 1
                num_templates += 1
                i += 2
            elif (
                o > 0 and i > 0 and source[i - 1] == 45 and out[o - 1] == 45  # -{
                and not (variant < top and kinds[variant] == _VARIANT)  # one in another would be read twice
            ):  # fmt: skip
                variant = top
                kinds[top] = _VARIANT
                marks[top] = o - 1
                top += 1
                out[o] = byte
                o += 1
                i += 1
            else:
                out[o] = byte
                o += 1
                i += 1
        elif byte == 125:  # }
            if following == 125:
                i += 2
                if num_templates > 0:
                    while True:
                        top -= 1
                        if kinds[top] == _TABLE:
                            num_tables -= 1
                        if kinds[top] == _TEMPLATE:
                            break
                    num_templates -= 1
                    o = marks[top]
                    out[o] = _NEWLINE
                    o += 1
            elif following == 45 and top > 0 and kinds[top - 1] == _VARIANT:  # }-
                top -= 1
                o = keep_variant(out, marks[top], o)
                i += 2
            else:
                out[o] = byte
                o += 1
                i += 1
        elif byte == 91:  # [
            if following == 91:
                i += 2
                kind = _LINK
                while at(source, i, size) == _SPACE:
                    i += 1
                if at(source, i, size) == 58:  # [[:File:x.jpg]] is a link to the file, not the file
                    i += 1
                    kind = _SHOWN_LINK
                elif has_prefix(source, i, size, prefixes, offsets) or is_language_prefix(source, i, size):
                    kind = _FILE
                kinds[top] = kind
                marks[top] = o
                top += 1
            else:
                length = url_size(source, i + 1, size)
                i += 1
                if length > 0:
                    while i < size and not ends_url(source[i]):
                        i += 1
                    kinds[top] = _EXTERNAL
                    marks[top] = o
                    top += 1
                else:
                    out[o] = byte
                    o += 1
        elif byte == 93:  # ]
            kind = kinds[top - 1] if top > 0 else 0
            if kind == _EXTERNAL:
                top -= 1
                i += 1
            elif following == 93:
                i += 2
                if kind == _LINK and is_file_name(out, marks[top - 1], o):
                    kind = _FILE
                if kind in (_LINK, _SHOWN_LINK, _LABEL):
                    top -= 1
                elif kind == _FILE:
                    top -= 1
                    o = marks[top]
                    out[o] = _NEWLINE
                    o += 1
            else:
                out[o] = byte
                o += 1
                i += 1
        elif byte == 124:  # |
            i += 1
            kind = kinds[top - 1] if top > 0 else 0
            if kind in (_LINK, _SHOWN_LINK):
                is_file = kind == _LINK and is_file_name(out, marks[top - 1], o)
                kinds[top - 1] = _FILE if is_file else _LABEL
                o = marks[top - 1]
            else:
                out[o] = byte
                o += 1
        elif byte == 60:  # <
            if following == 33 and at(source, i + 2, size) == 45 and at(source, i + 3, size) == 45:  # <!--
                end = i + 4
                while end < size and not (
                    source[end] == 45 and at(source, end + 1, size) == 45 and at(source, end + 2, size) == 62
                ):
                    end += 1
                if end >= size:
                    unclosed = True
                i = min(end + 3, size)
                line_start = o == 0 or out[o - 1] == _NEWLINE  # MediaWiki takes comments out before all else
                continue
            closing = following == 47
            code, after = read_tag_name(source, i + 2 if closing else i + 1, size)
            end = after
            while end < size and source[end] != 62 and source[end] != 60:
                end += 1
            if code == 0 or end >= size or source[end] == 60:
                out[o] = byte
                o += 1
                i += 1
                continue
            self_closing = source[end - 1] == 47
            i = end + 1
            which = -1
            for k in range(len(_DROPPED)):
                if _DROPPED[k] == code:
                    which = k
            if which >= 0:
                if closing or self_closing:
                    continue
                start_of_close = -1 if no_closing[which] else find_closing_tag(source, i, size, code)
                if start_of_close < 0:
                    no_closing[which] = True
                    unclosed = True
                    continue
                if which == _NOWIKI:
                    for k in range(i, start_of_close):
                        out[o] = source[k]
                        o += 1
                elif which != _REF:
                    out[o] = _NEWLINE
                    o += 1
                i = start_of_close
                while i < size and source[i] != 62:
                    i += 1
                i += 1
                continue
            for k in range(len(_BREAKING)):
                if _BREAKING[k] == code:
                    out[o] = _NEWLINE
                    o += 1
                    break
        elif byte == 39:  # '
            run = 1
            while at(source, i + run, size) == 39:
                run += 1
            if run > 1 and i >= quotes_end:
                apostrophe, quotes_end = find_apostrophe(source, i, size)
            if run == 1 or run == 4 or i == apostrophe:
                out[o] = byte
                o += 1
            for _ in range(run - 5):
                out[o] = byte
                o += 1
            i += run
        elif byte == 95:  # _
            end = i + 2
            if following == 95:
                while end < size and end - i < 32 and 65 <= source[end] <= 90:
                    end += 1
            if end > i + 4 and at(source, end, size) == 95 and at(source, end + 1, size) == 95:
                i = end + 2
            else:
                out[o] = byte
                o += 1
                i += 1
        elif byte == 58:  # :
            bottom = marks[top - 1] if top > 0 else 0
            begin = o
            if following == 47 and at(source, i + 2, size) == 47:
                while begin > bottom and o - begin < 6 and is_letter(out[begin - 1]):
                    begin -= 1
            if o - begin >= 3:  # a bare address
                i += 3
                while i < size and not ends_url(source[i]):
                    i += 1
                o = begin
                out[o] = _NEWLINE
                o += 1
            else:
                out[o] = byte
                o += 1
                i += 1
        else:  # =
            run = 1
            while at(source, i + run, size) == 61:
                run += 1
            if run == 1:
                out[o] = byte
                o += 1
            i += run
    for k in range(top):
        if kinds[k] == _TEMPLATE or kinds[k] == _TABLE or kinds[k] == _FILE:
            o = marks[k]
            unclosed = True
            break
    return o, unclosed
