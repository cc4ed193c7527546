"""The image links in WAT records (JSON), compiled: one pass over the bytes, strings skipped eight bytes at a time.

In: JSON records in a buffer. Out: pairs in a `Sink`. Of a record only this is looked at, the rest is skipped:

    Envelope . Payload-Metadata . HTTP-Response-Metadata . HTML-Metadata .
        Head . Base, Metas [ {name | property | http-equiv, content} ], Link [ {url, rel} ]
        Links [ {path: "IMG@/src", url, alt, title}, {path: "A@/href", url, rel} ]
"""

import numpy as np
from numba import njit

from pipeline.sources.byte_scan import find_either, has_word, is_at, is_at_any_case, load_word
from pipeline.sources.escapes import write_json
from pipeline.sources.page_facts import take_language, take_license
from pipeline.sources.pair_sink import (
    FULL,
    JSON_TEXT,
    ROWS,
    TEXT_SOURCES,
    WITHOUT_TEXT,
    add_text,
    begin_image,
    end_page,
)
from pipeline.sources.url_resolution import resolve, set_base

GOOD, MALFORMED = 0, 1
"""Status of a record."""

_QUOTE, _BACKSLASH, _COMMA, _COLON = 34, 92, 44, 58
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = 123, 125, 91, 93
_ALT, _TITLE = TEXT_SOURCES.index("alt"), TEXT_SOURCES.index("title")
_OG_ALT, _OG_DESCRIPTION = TEXT_SOURCES.index("og:image:alt"), TEXT_SOURCES.index("og:description")
_BROKEN = -1

_FOUND_IMAGE, _FOUND_ALT, _FOUND_DESCRIPTION, _FOUND_BASE = range(4)
"""Rows of the ranges that the head of a page gives."""


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _string_end(data, position, end):  # type: ignore[no-untyped-def]
    """Return the position of the quote that closes the string whose content begins at `position`; `end` for none."""
    while position < end:
        position = find_either(data, position, end, _QUOTE, _BACKSLASH)
        if position >= end or data[position] == _QUOTE:
            return position
        position += 2
    return end


@njit(inline="always")  # type: ignore[untyped-decorator]
def _skip_space(data, position, end):  # type: ignore[no-untyped-def]
    while position < end and data[position] <= 32:
        position += 1
    return position


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _skip_value(data, position, end):  # type: ignore[no-untyped-def]
    """Return the position after the value that begins at `position`, -1 when it does not end."""
    if position >= end:
        return _BROKEN
    if data[position] == _QUOTE:
        stop = _string_end(data, position + 1, end)
        return stop + 1 if stop < end else _BROKEN
    depth = 0
    while position < end:
        byte = data[position]
        if byte == _QUOTE:
            position = _string_end(data, position + 1, end)
            if position >= end:
                return _BROKEN
        elif byte in (_OPEN_OBJECT, _OPEN_ARRAY):
            depth += 1
        elif byte in (_CLOSE_OBJECT, _CLOSE_ARRAY):
            depth -= 1
            if depth < 0:
                return position
            if depth == 0:
                return position + 1
        elif byte == _COMMA and depth == 0:
            return position
        position += 1
    return _BROKEN


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _next_member(data, position, end, member):  # type: ignore[no-untyped-def]
    """Step to the next member of an object; return the position of its value, -1 when the object is broken.

    `member` gets the range of the name; an empty range with a begin of -1 tells that the object has ended before the
    position returned.
    """
    position = _skip_space(data, position, end)
    if position < end and data[position] == _COMMA:
        position = _skip_space(data, position + 1, end)
    if position >= end:
        return _BROKEN
    if data[position] == _CLOSE_OBJECT:
        member[0] = -1
        return position + 1
    if data[position] != _QUOTE:
        return _BROKEN
    member[0] = position + 1
    position = _string_end(data, position + 1, end)
    member[1] = position
    position = _skip_space(data, position + 1, end)
    if position >= end or data[position] != _COLON:
        return _BROKEN
    return _skip_space(data, position + 1, end)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _is_name(data, member, text):  # type: ignore[no-untyped-def]
    return member[1] - member[0] == len(text) and is_at(data, member[0], member[1], text)


_PATH, _URL, _IMAGE_ALT, _IMAGE_TITLE, _REL, _NAME, _PROPERTY, _CONTENT, _HTTP_EQUIV = range(9)
_NUM_FIELDS = 9


def _word(name: str) -> np.uint64:
    """Return up to eight bytes of `name` as `load_word` loads them."""
    return np.uint64(int.from_bytes(name.encode()[:8], "little"))


_PATH_WORD, _URL_WORD, _ALT_WORD, _TITLE_WORD = _word("path"), _word("url"), _word("alt"), _word("title")
_REL_WORD, _NAME_WORD, _PROPERTY_WORD, _CONTENT_WORD = _word("rel"), _word("name"), _word("property"), _word("content")
_HTTP_EQUIV_WORD = _word("http-equiv")
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _field_row(data, begin, size):  # type: ignore[no-untyped-def]
    """Return the row of the field whose name stands at `begin`, -1 for one that is not read."""
    word = load_word(data, begin)
    if size < 8:
        word &= _ALL_BITS >> np.uint64(64 - 8 * size)
    if size == 3:
        return _URL if word == _URL_WORD else _IMAGE_ALT if word == _ALT_WORD else _REL if word == _REL_WORD else -1
    if size == 4:
        return _PATH if word == _PATH_WORD else _NAME if word == _NAME_WORD else -1
    if size == 5:
        return _IMAGE_TITLE if word == _TITLE_WORD else -1
    if size == 7:
        return _CONTENT if word == _CONTENT_WORD else -1
    if size == 8:
        return _PROPERTY if word == _PROPERTY_WORD else -1
    return _HTTP_EQUIV if size == 10 and word == _HTTP_EQUIV_WORD else -1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _fields(data, position, end, member, fields):  # type: ignore[no-untyped-def]
    """Read one object of texts; return the position after it. `fields` gets the ranges by `_field_row`, -1 for none."""
    for row in range(_NUM_FIELDS):
        fields[row, 0] = -1
    position += 1
    while True:
        # as nearly all are written: a comma, "name":"text" without white space
        begin = position + 2 if data[position] == _COMMA else position + 1
        name_end = end
        if begin < end and data[begin - 1] == _QUOTE:
            name_end = _string_end(data, begin, end)
        value = name_end + 3
        if value < end and data[name_end + 1] == _COLON and data[name_end + 2] == _QUOTE:
            size = name_end - begin
        else:
            value = _next_member(data, position, end, member)
            if value < 0 or member[0] < 0:
                return value
            if data[value] != _QUOTE:
                position = _skip_value(data, value, end)
                if position < 0:
                    return position
                continue
            value += 1
            begin, size = member[0], member[1] - member[0]
        stop = _string_end(data, value, end)
        if stop >= end:
            return _BROKEN
        if 0 < size <= 10:
            row = _field_row(data, begin, size)
            if row >= 0:
                fields[row, 0], fields[row, 1] = value, stop
        position = stop + 1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _is_text(data, begin, end, text):  # type: ignore[no-untyped-def]
    return begin >= 0 and end - begin == len(text) and is_at_any_case(data, begin, end, text)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_link_license(data, fields, scratch, texts, lengths):  # type: ignore[no-untyped-def]
    if fields[_URL, 0] < 0 or fields[_URL, 1] - fields[_URL, 0] > 512:
        return
    begin, end = fields[_URL, 0], fields[_URL, 1]
    if end - begin < 25 or (data[begin] | 32 != 104 and data[begin] != 47 and data[begin] != _BACKSLASH):
        return
    host = begin + (2 if data[begin] == 47 else 8 if data[begin + 4] | 32 == 115 else 7)
    if data[host - 1] == 47 and data[host] | 32 != 99 and data[host + 4] | 32 != 99:
        return  # neither creativecommons.org nor www.creativecommons.org; nearly every link ends here
    declared = fields[_REL, 0] >= 0 and has_word(data, fields[_REL, 0], fields[_REL, 1], b"license")
    stop = write_json(data, begin, end, scratch, 0)
    take_license(scratch, 0, stop, declared, texts, lengths)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_array(data, position, end, member, fields, kind, found, page, sink, page_start):  # type: ignore[no-untyped-def]
    """Read ``Links`` (kind 0), ``Metas`` (1) or ``Link`` (2); return the position after the array."""
    scratch, base, base_parts, texts, lengths = page
    position += 1
    while True:
        position = _skip_space(data, position, end)
        if position >= end:
            return _BROKEN
        byte = data[position]
        if byte == _CLOSE_ARRAY:
            return position + 1
        if byte == _COMMA:
            position += 1
            continue
        if byte != _OPEN_OBJECT:
            after = _skip_value(data, position, end)
            if after <= position:
                return _BROKEN
            position = after
            continue
        position = _fields(data, position, end, member, fields)
        if position < 0:
            return position
        if kind == 0:
            path, path_end = fields[_PATH, 0], fields[_PATH, 1]
            if path >= 0 and is_at(data, path, path_end, b"IMG@") and fields[_URL, 0] >= 0:
                # "IMG@/src" in Common Crawl's files, "IMG@\/src" by writers that escape slashes; not IMG@/longdesc
                if data[path_end - 1] == 99 and path_end - path <= 9:
                    _add_image(data, fields, scratch, base, base_parts, sink, page_start)
            else:
                _take_link_license(data, fields, scratch, texts, lengths)
        elif kind == 1:
            _take_meta(data, fields, found, texts, lengths)
        else:
            _take_link_license(data, fields, scratch, texts, lengths)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_image(data, fields, scratch, base, base_parts, sink, page_start):  # type: ignore[no-untyped-def]
    stop = write_json(data, fields[_URL, 0], fields[_URL, 1], scratch, 0)
    has_text = fields[_IMAGE_ALT, 0] >= 0 or fields[_IMAGE_TITLE, 0] >= 0
    state = sink.state
    size = begin_image(sink, scratch, 0, stop, base, base_parts, page_start)
    if size == 0:
        return
    first = state[ROWS]
    if has_text:
        add_text(sink, first, first, False, size, data, fields[_IMAGE_ALT, 0], fields[_IMAGE_ALT, 1], JSON_TEXT, _ALT)
        row = state[ROWS]
        begin, end = fields[_IMAGE_TITLE, 0], fields[_IMAGE_TITLE, 1]
        if begin >= 0:
            add_text(sink, first, row, row > first, size, data, begin, end, JSON_TEXT, _TITLE)
    if state[ROWS] == first and not state[FULL]:
        state[WITHOUT_TEXT] += 1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_meta(data, fields, found, texts, lengths):  # type: ignore[no-untyped-def]
    begin, end = fields[_CONTENT, 0], fields[_CONTENT, 1]
    if begin < 0:
        return
    for row in (_PROPERTY, _NAME):
        left, right = fields[row, 0], fields[row, 1]
        if left < 0:
            continue
        kind = -1
        if _is_text(data, left, right, b"og:image") or _is_text(data, left, right, b"og:image:url"):
            kind = _FOUND_IMAGE
        elif _is_text(data, left, right, b"og:image:alt"):
            kind = _FOUND_ALT
        elif _is_text(data, left, right, b"og:description"):
            kind = _FOUND_DESCRIPTION
        elif is_at_any_case(data, left, right, b"html@") and right - left <= 15:  # HTML@/lang, HTML@/xml:lang
            take_language(data, begin, end, texts, lengths)
        if kind >= 0 and found[kind, 0] < 0:
            found[kind, 0], found[kind, 1] = begin, end
    if _is_text(data, fields[_HTTP_EQUIV, 0], fields[_HTTP_EQUIV, 1], b"content-language"):
        take_language(data, begin, end, texts, lengths)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_head(data, position, end, member, fields, found, page, sink, page_start):  # type: ignore[no-untyped-def]
    position += 1
    while True:
        position = _next_member(data, position, end, member)
        if position < 0 or member[0] < 0:
            return position
        if position >= end:
            return _BROKEN
        byte = data[position]
        if byte == _QUOTE and _is_name(data, member, b"Base"):
            stop = _string_end(data, position + 1, end)
            if stop >= end:
                return _BROKEN
            found[_FOUND_BASE, 0], found[_FOUND_BASE, 1] = position + 1, stop
            position = stop + 1
        elif byte == _OPEN_ARRAY and _is_name(data, member, b"Metas"):
            position = _read_array(data, position, end, member, fields, 1, found, page, sink, page_start)
        elif byte == _OPEN_ARRAY and _is_name(data, member, b"Link"):
            position = _read_array(data, position, end, member, fields, 2, found, page, sink, page_start)
        else:
            position = _skip_value(data, position, end)
        if position < 0:
            return position


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_base(data, found, page, address):  # type: ignore[no-untyped-def]
    """Make the page's ``<base href>`` the base, itself resolved against the page's address."""
    scratch, base, base_parts, _, _ = page
    begin, end = found[_FOUND_BASE, 0], found[_FOUND_BASE, 1]
    if begin < 0 or end - begin > 4096:
        return
    stop = write_json(data, begin, end, scratch, 0)
    written = resolve(scratch, 0, stop, base, base_parts, address, 0)
    if written > 0:
        set_base(address, 0, written, base, base_parts)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_record(data, position, end, member, fields, found, page, sink, page_start, address):  # type: ignore[no-untyped-def]
    """Read one JSON record; return whether it is whole."""
    position = _skip_space(data, position, end)
    if position >= end or data[position] != _OPEN_OBJECT:
        return False
    position += 1
    level = 0
    links = -1  # where links stand that came before the head, which holds the base
    head_read = False
    while level >= 0:
        position = _next_member(data, position, end, member)
        if position < 0:
            return False
        if member[0] < 0:
            level -= 1
            continue
        if position >= end:
            return False
        byte = data[position]
        if (
            byte == _OPEN_OBJECT
            and level < 4
            and (
                (level == 0 and _is_name(data, member, b"Envelope"))
                or (level == 1 and _is_name(data, member, b"Payload-Metadata"))
                or (level == 2 and _is_name(data, member, b"HTTP-Response-Metadata"))
                or (level == 3 and _is_name(data, member, b"HTML-Metadata"))
            )
        ):
            level += 1
            position += 1
            continue
        if level == 4 and byte == _OPEN_OBJECT and _is_name(data, member, b"Head"):
            position = _read_head(data, position, end, member, fields, found, page, sink, page_start)
            head_read = True
            _take_base(data, found, page, address)
        elif level == 4 and byte == _OPEN_ARRAY and head_read and _is_name(data, member, b"Links"):
            position = _read_array(data, position, end, member, fields, 0, found, page, sink, page_start)
        else:
            if level == 4 and byte == _OPEN_ARRAY and _is_name(data, member, b"Links"):
                links = position
            position = _skip_value(data, position, end)
        if position < 0:
            return False
    if _skip_space(data, position, end) < end:
        return False
    if links >= 0:
        return _read_array(data, links, end, member, fields, 0, found, page, sink, page_start) >= 0
    return True


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def scan_wat(data, records, positions, first, sink, page, address, status):  # type: ignore[no-untyped-def]
    """Read the JSON of `records` from number `first` on; return the number of the record that found the sink full.

    `records` has rows (begin, end, begin of the URL, its end). `positions` are their places in the file.
    `status` gets `GOOD` or `MALFORMED` per record; a malformed one leaves nothing in the sink.
    """
    member = np.zeros(2, dtype=np.int64)
    fields = np.zeros((_NUM_FIELDS, 2), dtype=np.int64)
    found = np.zeros((4, 2), dtype=np.int64)
    _scratch, base, base_parts, texts, lengths = page
    state = sink.state
    page_start = np.zeros_like(state)
    for number in range(first, len(records)):
        begin, end, url, url_end = records[number]
        page_start[:] = state
        found[:, 0] = -1
        lengths[:] = 0
        set_base(data, url, url_end, base, base_parts)
        whole = _read_record(data, begin, end, member, fields, found, page, sink, page_start, address)
        if whole and found[_FOUND_IMAGE, 0] >= 0:
            _add_open_graph(data, found, page, sink, page_start)
        end_page(sink, page_start, positions[number], data, url, url_end, texts, lengths)
        if state[FULL]:
            state[:] = page_start
            return number
        if not whole:
            state[:] = page_start
        status[number] = GOOD if whole else MALFORMED
    return len(records)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_open_graph(data, found, page, sink, page_start):  # type: ignore[no-untyped-def]
    scratch, base, base_parts, _, _ = page
    stop = write_json(data, found[_FOUND_IMAGE, 0], found[_FOUND_IMAGE, 1], scratch, 0)
    size = begin_image(sink, scratch, 0, stop, base, base_parts, page_start)
    if size == 0:
        return
    first = sink.state[ROWS]
    begin, end = found[_FOUND_ALT, 0], found[_FOUND_ALT, 1]
    if begin >= 0:
        add_text(sink, first, first, False, size, data, begin, end, JSON_TEXT, _OG_ALT)
    row = sink.state[ROWS]
    begin, end = found[_FOUND_DESCRIPTION, 0], found[_FOUND_DESCRIPTION, 1]
    if begin >= 0:
        add_text(sink, first, row, row > first, size, data, begin, end, JSON_TEXT, _OG_DESCRIPTION)
    if sink.state[ROWS] == first and not sink.state[FULL]:
        sink.state[WITHOUT_TEXT] += 1
