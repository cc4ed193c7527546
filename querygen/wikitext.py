"""Wikitext to plain text: templates, tables, references, files and markup gone, link text kept.

In: the wikitext of a page in UTF-8. Out: text in which every line is one run of prose: a line end stands for a
paragraph, list item or heading, and also where something that is shown was cut out (a template, a formula).

One compiled pass over the bytes writes text as it goes and, where a construct turns out to be a template, a
table or a file, goes back to where it began; so time is linear for any input:

    text {{ a | b [[ c ]] }} more       stack at "c": [template at 5, link]
    out: "text " + "a | b c"  -- at "}}" -->  "text \\n"
"""

import numba
import numpy as np
import numpy.typing as npt

from querygen.dump import SiteInfo
from querygen.entities import unescape_into, unescaped_size
from querygen.utf8 import PADDING, check_utf8

_TEMPLATE, _TABLE, _LINK, _LABEL, _FILE, _EXTERNAL = 1, 2, 3, 4, 5, 6
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

_NEWLINE, _SPACE, _TAB = 10, 32, 9


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _lower(byte):  # type: ignore[no-untyped-def]
    return byte | 32 if 65 <= byte <= 90 else byte


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _is_letter(byte):  # type: ignore[no-untyped-def]
    return 97 <= (byte | 32) <= 122


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _at(source, position, size):  # type: ignore[no-untyped-def]
    return source[position] if position < size else np.uint8(0)


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_tag_name(source, position, size):  # type: ignore[no-untyped-def]
    """Return (code, position after the letters)."""
    code = 0
    letters = 0
    while position < size and _is_letter(source[position]):
        if letters < 12:
            code = code * 32 + (source[position] | 32) - 96
        letters += 1
        position += 1
    return code, position


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _find_closing_tag(source, position, size, code):  # type: ignore[no-untyped-def]
    """Return the position of ``</name``, -1 when there is none."""
    while position + 2 < size:
        if source[position] == 60 and source[position + 1] == 47:
            found, after = _read_tag_name(source, position + 2, size)
            if found == code:
                return position
            position = after
        else:
            position += 1
    return -1


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _has_prefix(source, position, size, prefixes, offsets):  # type: ignore[no-untyped-def]
    """Tell whether ``name:`` with a name of `prefixes` (ASCII lower case, spaces) stands at `position`."""
    for k in range(len(offsets) - 1):
        length = offsets[k + 1] - offsets[k]
        if position + length >= size:
            continue
        equal = True
        for j in range(length):
            byte = _lower(source[position + j])
            if byte == 95:
                byte = np.uint8(_SPACE)
            if byte != prefixes[offsets[k] + j]:
                equal = False
                break
        if equal:
            after = position + length
            while after < size and source[after] == _SPACE:
                after += 1
                if after - position > 80:
                    break
            if _at(source, after, size) == 58:
                return True
    return False


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _is_language_prefix(source, position, size):  # type: ignore[no-untyped-def]
    """Tell whether a language code and a colon stand at `position` (``de:``, ``zh-yue:``, ``simple:``)."""
    letters = 0
    while letters < 7 and position + letters < size and 97 <= source[position + letters] <= 122:
        letters += 1
    after = position + letters
    if letters == 6:  # "simple"
        return source[position] == 115 and source[position + 1] == 105 and _at(source, after, size) == 58
    if letters < 2 or letters > 3:
        return False
    while _at(source, after, size) == 45 and after - position < 16:
        after += 1
        while after < size and 97 <= source[after] <= 122 and after - position < 16:
            after += 1
    return _at(source, after, size) == 58


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _url_size(source, position, size):  # type: ignore[no-untyped-def]
    """Return the length of what an external link's address starts with here, 0 when it is none."""
    if _at(source, position, size) == 47 and _at(source, position + 1, size) == 47:
        return 2
    letters = 0
    while letters < 8 and position + letters < size and _is_letter(source[position + letters]):
        letters += 1
    if letters < 3 or _at(source, position + letters, size) != 58:
        return 0
    if letters == 6 and (source[position] | 32) == 109 and (source[position + 1] | 32) == 97:  # mailto:
        return 7
    if _at(source, position + letters + 1, size) == 47 and _at(source, position + letters + 2, size) == 47:
        return letters + 3
    return 0


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _ends_url(byte):  # type: ignore[no-untyped-def]
    # white space, quotes, angle brackets, square brackets, bar, braces
    return byte <= 32 or byte in (34, 60, 62, 91, 93, 124, 123, 125)


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scan(source, size, out, kinds, marks, dropped, breaking, special, prefixes, offsets):  # type: ignore[no-untyped-def]
    """Write the text of ``source[:size]`` to `out`; return (bytes written, whether something was left open)."""
    i = 0
    o = 0
    top = 0  # height of the stack (kinds, marks)
    num_templates = 0
    num_tables = 0
    unclosed = False
    no_comment_end = False
    no_closing = np.zeros(len(dropped), dtype=np.bool_)
    line_start = True
    while i < size or line_start:
        if line_start:
            line_start = False
            j = i
            while j < size and source[j] in (_SPACE, _TAB, 42, 35, 58, 59):  # white space * # : ;
                j += 1
            third = _at(source, j + 2, size)
            if _at(source, j, size) == 123 and _at(source, j + 1, size) == 124 and third != 125:  # {|
                kinds[top] = _TABLE
                marks[top] = o
                top += 1
                num_tables += 1
                i = j + 2
                continue
            closes_table = num_tables > 0 and (third != 125 or num_templates == 0)
            if closes_table and _at(source, j, size) == 124 and _at(source, j + 1, size) == 125:  # |}
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
            if _at(source, i, size) == 61 and _at(source, i + 1, size) == 61:  # ==
                end = i
                while end < size and source[end] != _NEWLINE:
                    end += 1
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
        if not special[byte]:
            # Two bytes of three are copied here; an unsigned index spares the test for a negative one.
            while True:
                out[np.uint64(o)] = byte
                o += 1
                i += 1
                if i >= size:
                    break
                byte = source[np.uint64(i)]
                if special[byte]:
                    break
            continue
        following = _at(source, i + 1, size)
        if byte == _NEWLINE:
            while top > 0 and kinds[top - 1] in (_LINK, _LABEL, _EXTERNAL):
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
            else:
                out[o] = byte
                o += 1
                i += 1
        elif byte == 91:  # [
            if following == 91:
                i += 2
                kind = _LINK
                while _at(source, i, size) == _SPACE:
                    i += 1
                if _at(source, i, size) == 58:
                    i += 1
                elif _has_prefix(source, i, size, prefixes, offsets) or _is_language_prefix(source, i, size):
                    kind = _FILE
                kinds[top] = kind
                marks[top] = o
                top += 1
            else:
                length = _url_size(source, i + 1, size)
                i += 1
                if length > 0:
                    while i < size and not _ends_url(source[i]):
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
                if kind in (_LINK, _LABEL):
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
            if top > 0 and kinds[top - 1] == _LINK:
                kinds[top - 1] = _LABEL
                o = marks[top - 1]
            else:
                out[o] = byte
                o += 1
        elif byte == 60:  # <
            if following == 33 and _at(source, i + 2, size) == 45 and _at(source, i + 3, size) == 45:  # <!--
                end = size if no_comment_end else i + 4
                while end < size and not (
                    source[end] == 45 and _at(source, end + 1, size) == 45 and _at(source, end + 2, size) == 62
                ):
                    end += 1
                if end >= size:
                    no_comment_end = True
                    unclosed = True
                i = min(end + 3, size)
                continue
            closing = following == 47
            code, after = _read_tag_name(source, i + 2 if closing else i + 1, size)
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
            for k in range(len(dropped)):
                if dropped[k] == code:
                    which = k
            if which >= 0:
                if closing or self_closing:
                    continue
                start_of_close = -1 if no_closing[which] else _find_closing_tag(source, i, size, code)
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
            for k in range(len(breaking)):
                if breaking[k] == code:
                    out[o] = _NEWLINE
                    o += 1
                    break
        elif byte == 39:  # '
            run = 1
            while _at(source, i + run, size) == 39:
                run += 1
            i += run
            if run == 1 or run == 4:
                out[o] = byte
                o += 1
        elif byte == 95:  # _
            end = i + 2
            if following == 95:
                while end < size and end - i < 32 and 65 <= source[end] <= 90:
                    end += 1
            if end > i + 4 and _at(source, end, size) == 95 and _at(source, end + 1, size) == 95:
                i = end + 2
            else:
                out[o] = byte
                o += 1
                i += 1
        elif byte == 58:  # :
            bottom = marks[top - 1] if top > 0 else 0
            begin = o
            if following == 47 and _at(source, i + 2, size) == 47:
                while begin > bottom and o - begin < 6 and _is_letter(out[begin - 1]):
                    begin -= 1
            if o - begin >= 3:  # a bare address
                i += 3
                while i < size and not _ends_url(source[i]):
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
            while _at(source, i + run, size) == 61:
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


class TextExtractor:
    """Turns wikitext into text, for one wiki; keeps its work space between pages."""

    def __init__(self, site: SiteInfo) -> None:
        """`site` gives the names under which this wiki's links are files and categories."""
        names = {"file", "image", "category", "media"}
        for number in (-2, 6, 14):
            for name in site.namespaces.get(number, ()):
                names.update((name, name.lower(), name[:1].upper() + name[1:].lower()))
        # ASCII letters are compared in lower case, other letters as they are.
        encoded = sorted({name.replace("_", " ").encode().lower() for name in names if name})
        self._prefixes = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        self._offsets = np.cumsum([0] + [len(name) for name in encoded]).astype(np.int64)
        self._reserve(1 << 16)

    def _reserve(self, size: int) -> None:
        self._padded: npt.NDArray[np.uint8] = np.empty(size + 64, dtype=np.uint8)
        self._out = self._padded[PADDING:]
        self._unescaped: npt.NDArray[np.uint8] = np.empty(unescaped_size(size + 64), dtype=np.uint8)
        self._kinds = np.empty(size // 2 + 16, dtype=np.uint8)
        self._marks = np.empty(size // 2 + 16, dtype=np.int64)

    def extract_utf8(self, wikitext: bytes) -> tuple[npt.NDArray[np.uint8], bool]:
        """Return (text in UTF-8, whether a template, table, file, reference or comment was left open).

        The text is a view of this extractor's work space: the next call overwrites it. HTML entities are resolved.
        Raises UnicodeDecodeError when the text is not UTF-8. What is left open is cut off at the next heading.
        """
        if len(wikitext) + 64 > len(self._padded):
            self._reserve(2 * len(wikitext))
        source = np.frombuffer(wikitext, dtype=np.uint8)
        written, unclosed = _scan(
            source, len(source), self._out, self._kinds, self._marks,
            _DROPPED, _BREAKING, _SPECIAL, self._prefixes, self._offsets,
        )  # fmt: skip
        text = self._out[:written]
        valid, has_entities = check_utf8(self._padded, PADDING, PADDING + written)
        if not valid:
            text.tobytes().decode()  # raises, and says what stands where
        if has_entities:
            text = self._unescaped[: unescape_into(text, written, self._unescaped)]
        return text, bool(unclosed)

    def extract(self, wikitext: bytes) -> tuple[str, bool]:
        """Return what `extract_utf8` returns, the text as a string."""
        text, unclosed = self.extract_utf8(wikitext)
        return text.tobytes().decode(), unclosed
