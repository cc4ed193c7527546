"""The image links in WAT records (JSON), compiled: quotes found 64 bytes at a time, texts that say nothing hopped over.

In: JSON records in a buffer. Out: pairs in a `Sink`. Of a record only this is looked at, the rest is skipped:

    Envelope . Payload-Metadata . HTTP-Response-Metadata . HTML-Metadata .
        Head . Base, Metas [ {name | property | http-equiv, content} ], Link [ {url, rel} ]
        Links [ {path: "IMG@/src", url, alt, title}, {path: "A@/href", url, rel} ]
"""

import numpy as np
from numba import njit

from pipeline.sources.byte_scan import find_either, has_word, is_at, is_at_any_case
from pipeline.sources.escapes import write_json
from pipeline.sources.json_scan import (
    BACKSLASH,
    BROKEN,
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    NAME,
    NAME_END,
    NEXT,
    OPEN_ARRAY,
    OPEN_OBJECT,
    QUOTE,
    index_quotes,
    is_name,
    next_member,
    skip_space,
    skip_value,
)
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
from schemas.compiled import leaf
from schemas.lanes import load_word

GOOD, MALFORMED = 0, 1
"""Status of a record."""

_ALT, _TITLE = TEXT_SOURCES.index("alt"), TEXT_SOURCES.index("title")
_OG_ALT, _OG_DESCRIPTION = TEXT_SOURCES.index("og:image:alt"), TEXT_SOURCES.index("og:description")

_FOUND_IMAGE, _FOUND_ALT, _FOUND_DESCRIPTION, _FOUND_BASE = range(4)
"""Rows of the ranges that the head of a page gives."""


_PATH, _URL, _IMAGE_ALT, _IMAGE_TITLE, _REL, _NAME, _PROPERTY, _CONTENT, _HTTP_EQUIV = range(9)
_NUM_FIELDS = 9


def _word(name: str) -> np.uint64:
    """Return up to eight bytes of `name` as `load_word` loads them."""
    return np.uint64(int.from_bytes(name.encode()[:8], "little"))


_PATH_WORD, _URL_WORD, _ALT_WORD, _TITLE_WORD = _word("path"), _word("url"), _word("alt"), _word("title")
_REL_WORD, _NAME_WORD, _PROPERTY_WORD, _CONTENT_WORD = _word("rel"), _word("name"), _word("property"), _word("content")
_HTTP_EQUIV_WORD = _word("http-equiv")
_PATH_BEGIN, _URL_BEGIN, _I = _word('"path":"'), _word('","url":'), 73
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@leaf
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


@leaf
def _fields(data, position, end, quotes, walk, fields):  # type: ignore[no-untyped-def]
    """Read one object of texts; return the position after it. `fields` gets the ranges by `_field_row`, -1 for none."""
    for row in range(_NUM_FIELDS):
        fields[row, 0] = -1
    position += 1
    while True:
        # as nearly all are written: a comma, "name":"text" without white space
        number = walk[NEXT]
        begin = quotes[number] + 1
        name_end = quotes[number + 1]
        value = quotes[number + 2] + 1
        at_name = position + 2 if data[position] == COMMA else position + 1
        if begin == at_name and value == name_end + 3 and data[name_end + 1] == COLON:
            size = name_end - begin
        else:
            value = next_member(data, position, end, quotes, walk)
            if value < 0 or walk[NAME] < 0:
                return value
            number = walk[NEXT] - 2
            if quotes[number + 2] != value:
                position = skip_value(data, value, end, quotes, walk)
                if position < 0:
                    return position
                continue
            value += 1
            begin, size = walk[NAME], walk[NAME_END] - walk[NAME]
        stop = quotes[number + 3]
        if stop >= end:
            return BROKEN
        walk[NEXT] = number + 4
        if 0 < size <= 10:
            row = _field_row(data, begin, size)
            if row >= 0:
                fields[row, 0], fields[row, 1] = value, stop
        position = stop + 1


@leaf
def _is_text(data, begin, end, text):  # type: ignore[no-untyped-def]
    return begin >= 0 and end - begin == len(text) and is_at_any_case(data, begin, end, text)


@leaf
def _may_be_license(data, begin, end):  # type: ignore[no-untyped-def]
    """Tell whether a link may go to creativecommons.org or www.creativecommons.org: nearly none does."""
    if begin < 0 or not 25 <= end - begin <= 512:
        return False
    host = begin
    if data[begin] | 32 == 104:  # http: or https:
        host += 5 if data[begin + 4] == COLON else 6
    for _ in range(2):  # // or \/\/
        host += data[host] == BACKSLASH
        if data[host] != 47:
            return False
        host += 1
    return data[host] | 32 in (99, 119)


@leaf
def _take_link_license(data, fields, scratch, texts, lengths):  # type: ignore[no-untyped-def]
    begin, end = fields[_URL, 0], fields[_URL, 1]
    if not _may_be_license(data, begin, end):
        return
    declared = fields[_REL, 0] >= 0 and has_word(data, fields[_REL, 0], fields[_REL, 1], b"license")
    stop = write_json(data, begin, end, scratch, 0)
    take_license(scratch, 0, stop, declared, texts, lengths)


@leaf
def _skip_link(data, position, end, quotes, walk):  # type: ignore[no-untyped-def]
    """Return the position after a link that is no image's and no licence's, 0 for one that must be read.

    Nearly all links are written ``{"path":"A@/href","url":"...", more texts}``.
    """
    number = walk[NEXT]
    first = quotes[number]
    if first != position + 1 or load_word(data, first) != _PATH_BEGIN or data[first + 8] == _I:
        return 0
    close = quotes[number + 3]
    if load_word(data, close) != _URL_BEGIN or quotes[number + 6] != close + 8:
        return 0
    stop = quotes[number + 7]
    if _may_be_license(data, close + 9, stop):
        return 0
    number += 8
    while stop + 1 < end:
        if data[stop + 1] == CLOSE_OBJECT:
            walk[NEXT] = number
            return stop + 2
        name_end = quotes[number + 1]
        if (
            data[stop + 1] != COMMA
            or quotes[number] != stop + 2
            or data[name_end + 1] != COLON
            or quotes[number + 2] != name_end + 2
        ):
            return 0
        stop = quotes[number + 3]
        number += 4
    return 0


@leaf
def _read_array(data, position, end, quotes, walk, fields, kind, found, page, sink, page_start):  # type: ignore[no-untyped-def]
    """Read ``Links`` (kind 0), ``Metas`` (1) or ``Link`` (2); return the position after the array."""
    scratch, base, base_parts, texts, lengths = page
    position += 1
    while True:
        position = skip_space(data, position, end)
        if position >= end:
            return BROKEN
        byte = data[position]
        if byte == CLOSE_ARRAY:
            return position + 1
        if byte == COMMA:
            position += 1
            continue
        if byte != OPEN_OBJECT:
            after = skip_value(data, position, end, quotes, walk)
            if after <= position:
                return BROKEN
            position = after
            continue
        if kind == 0:
            after = _skip_link(data, position, end, quotes, walk)
            if after > 0:
                position = after
                continue
        position = _fields(data, position, end, quotes, walk, fields)
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


@leaf
def _add_image(data, fields, scratch, base, base_parts, sink, page_start):  # type: ignore[no-untyped-def]
    has_text = fields[_IMAGE_ALT, 0] >= 0 or fields[_IMAGE_TITLE, 0] >= 0
    state = sink.state
    url, url_end = fields[_URL, 0], fields[_URL, 1]
    if find_either(data, url, url_end, BACKSLASH, BACKSLASH) == url_end:
        size = begin_image(sink, data, url, url_end, base, base_parts, page_start)
    else:
        stop = write_json(data, url, url_end, scratch, 0)
        size = begin_image(sink, scratch, 0, stop, base, base_parts, page_start)
    if size == 0:
        return
    first = state[ROWS]
    if has_text:
        begin, end = fields[_IMAGE_ALT, 0], fields[_IMAGE_ALT, 1]
        if begin >= 0:
            add_text(sink, first, first, False, size, data, begin, end, JSON_TEXT, _ALT)
        row = state[ROWS]
        begin, end = fields[_IMAGE_TITLE, 0], fields[_IMAGE_TITLE, 1]
        if begin >= 0:
            add_text(sink, first, row, row > first, size, data, begin, end, JSON_TEXT, _TITLE)
    if state[ROWS] == first and not state[FULL]:
        state[WITHOUT_TEXT] += 1


@leaf
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


@leaf
def _read_head(data, position, end, quotes, walk, fields, found, page, sink, page_start):  # type: ignore[no-untyped-def]
    position += 1
    while True:
        position = next_member(data, position, end, quotes, walk)
        if position < 0 or walk[NAME] < 0:
            return position
        if position >= end:
            return BROKEN
        byte = data[position]
        if byte == QUOTE and is_name(data, walk, b"Base"):
            stop = skip_value(data, position, end, quotes, walk)
            found[_FOUND_BASE, 0], found[_FOUND_BASE, 1] = position + 1, stop - 1
            position = stop
        elif byte == OPEN_ARRAY and is_name(data, walk, b"Metas"):
            position = _read_array(data, position, end, quotes, walk, fields, 1, found, page, sink, page_start)
        elif byte == OPEN_ARRAY and is_name(data, walk, b"Link"):
            position = _read_array(data, position, end, quotes, walk, fields, 2, found, page, sink, page_start)
        else:
            position = skip_value(data, position, end, quotes, walk)
        if position < 0:
            return position


@leaf
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


@leaf
def _read_record(data, position, end, quotes, walk, fields, found, page, sink, page_start, address):  # type: ignore[no-untyped-def]
    """Read one JSON record; return whether it is whole."""
    position = skip_space(data, position, end)
    if position >= end or data[position] != OPEN_OBJECT:
        return False
    position += 1
    level = 0
    links = -1  # where links stand that came before the head, which holds the base
    links_next = 0
    head_read = False
    while level >= 0:
        position = next_member(data, position, end, quotes, walk)
        if position < 0:
            return False
        if walk[NAME] < 0:
            level -= 1
            continue
        if position >= end:
            return False
        byte = data[position]
        if (
            byte == OPEN_OBJECT
            and level < 4
            and (
                (level == 0 and is_name(data, walk, b"Envelope"))
                or (level == 1 and is_name(data, walk, b"Payload-Metadata"))
                or (level == 2 and is_name(data, walk, b"HTTP-Response-Metadata"))
                or (level == 3 and is_name(data, walk, b"HTML-Metadata"))
            )
        ):
            level += 1
            position += 1
            continue
        if level == 4 and byte == OPEN_OBJECT and is_name(data, walk, b"Head"):
            position = _read_head(data, position, end, quotes, walk, fields, found, page, sink, page_start)
            head_read = True
            _take_base(data, found, page, address)
        elif level == 4 and byte == OPEN_ARRAY and head_read and is_name(data, walk, b"Links"):
            position = _read_array(data, position, end, quotes, walk, fields, 0, found, page, sink, page_start)
        else:
            if level == 4 and byte == OPEN_ARRAY and is_name(data, walk, b"Links"):
                links, links_next = position, walk[NEXT]
            position = skip_value(data, position, end, quotes, walk)
        if position < 0:
            return False
    if skip_space(data, position, end) < end:
        return False
    if links >= 0:
        walk[NEXT] = links_next
        return _read_array(data, links, end, quotes, walk, fields, 0, found, page, sink, page_start) >= 0
    return True


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def scan_wat(data, records, positions, first, sink, page, address, quotes, status):  # type: ignore[no-untyped-def]
    """Read the JSON of `records` from number `first` on; return the number of the record that found the sink full.

    `records` has rows (begin, end, begin of the URL, its end). `positions` are their places in the file.
    `quotes` has room for one number per byte of the longest record and `SPARE_QUOTES` more; `status` gets `GOOD`
    or `MALFORMED` per record; a malformed one leaves nothing in the sink.
    """
    walk = np.zeros(3, dtype=np.int64)
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
        index_quotes(data, begin, end, quotes)
        walk[NEXT] = 0
        whole = _read_record(data, begin, end, quotes, walk, fields, found, page, sink, page_start, address)
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


@leaf
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
