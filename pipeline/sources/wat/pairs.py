"""What the links and declarations of a WAT record say: pairs, licence, language, base; compiled.

In: the ranges of an object's texts. Out: pairs in a `Sink`, facts of the page.
"""

from pipeline.sources.pairs.escapes import write_json
from pipeline.sources.pairs.page_facts import take_language, take_license
from pipeline.sources.pairs.pair_sink import FULL, JSON_TEXT, ROWS, TEXT_SOURCES, WITHOUT_TEXT, add_text, begin_image
from pipeline.sources.pairs.url_resolution import resolve, set_base
from pipeline.sources.wat.json_scan import BACKSLASH
from pipeline.sources.wat.objects import (
    CONTENT,
    HTTP_EQUIV,
    IMAGE_ALT,
    IMAGE_TITLE,
    NAME_FIELD,
    PROPERTY,
    REL,
    URL,
    may_be_license,
)
from schemas.kernels.byte_scan import find_either, has_word, is_at_any_case
from schemas.kernels.compiled import leaf

_ALT, _TITLE = TEXT_SOURCES.index("alt"), TEXT_SOURCES.index("title")
_OG_ALT, _OG_DESCRIPTION = TEXT_SOURCES.index("og:image:alt"), TEXT_SOURCES.index("og:description")

FOUND_IMAGE, FOUND_ALT, FOUND_DESCRIPTION, FOUND_BASE = range(4)
"""Rows of the ranges that the head of a page gives."""


@leaf
def _is_text(data, begin, end, text):
    return begin >= 0 and end - begin == len(text) and is_at_any_case(data, begin, end, text)


@leaf
def take_link_license(data, fields, scratch, texts, lengths):
    begin, end = fields[URL, 0], fields[URL, 1]
    if not may_be_license(data, begin, end):
        return
    declared = fields[REL, 0] >= 0 and has_word(data, fields[REL, 0], fields[REL, 1], b"license")
    stop = write_json(data, begin, end, scratch, 0)
    take_license(scratch, 0, stop, declared, texts, lengths)


@leaf
def add_image(data, fields, scratch, base, base_parts, sink, page_start):
    has_text = fields[IMAGE_ALT, 0] >= 0 or fields[IMAGE_TITLE, 0] >= 0
    state = sink.state
    url, url_end = fields[URL, 0], fields[URL, 1]
    if find_either(data, url, url_end, BACKSLASH, BACKSLASH) == url_end:
        size = begin_image(sink, data, url, url_end, base, base_parts, page_start)
    else:
        stop = write_json(data, url, url_end, scratch, 0)
        size = begin_image(sink, scratch, 0, stop, base, base_parts, page_start)
    if size == 0:
        return
    first = state[ROWS]
    if has_text:
        begin, end = fields[IMAGE_ALT, 0], fields[IMAGE_ALT, 1]
        if begin >= 0:
            add_text(sink, first, first, False, size, data, begin, end, JSON_TEXT, _ALT)
        row = state[ROWS]
        begin, end = fields[IMAGE_TITLE, 0], fields[IMAGE_TITLE, 1]
        if begin >= 0:
            add_text(sink, first, row, row > first, size, data, begin, end, JSON_TEXT, _TITLE)
    if state[ROWS] == first and not state[FULL]:
        state[WITHOUT_TEXT] += 1


@leaf
def take_meta(data, fields, found, texts, lengths):
    begin, end = fields[CONTENT, 0], fields[CONTENT, 1]
    if begin < 0:
        return
    for row in (PROPERTY, NAME_FIELD):
        left, right = fields[row, 0], fields[row, 1]
        if left < 0:
            continue
        kind = -1
        if _is_text(data, left, right, b"og:image") or _is_text(data, left, right, b"og:image:url"):
            kind = FOUND_IMAGE
        elif _is_text(data, left, right, b"og:image:alt"):
            kind = FOUND_ALT
        elif _is_text(data, left, right, b"og:description"):
            kind = FOUND_DESCRIPTION
        elif is_at_any_case(data, left, right, b"html@") and right - left <= 15:  # HTML@/lang, HTML@/xml:lang
            take_language(data, begin, end, texts, lengths)
        if kind >= 0 and found[kind, 0] < 0:
            found[kind, 0], found[kind, 1] = begin, end
    if _is_text(data, fields[HTTP_EQUIV, 0], fields[HTTP_EQUIV, 1], b"content-language"):
        take_language(data, begin, end, texts, lengths)


@leaf
def take_base(data, found, page, address):
    """Make the page's ``<base href>`` the base, itself resolved against the page's address."""
    scratch, base, base_parts, _, _ = page
    begin, end = found[FOUND_BASE, 0], found[FOUND_BASE, 1]
    if begin < 0 or end - begin > 4096:
        return
    stop = write_json(data, begin, end, scratch, 0)
    written = resolve(scratch, 0, stop, base, base_parts, address, 0)
    if written > 0:
        set_base(address, 0, written, base, base_parts)


@leaf
def add_open_graph(data, found, page, sink, page_start):
    scratch, base, base_parts, _, _ = page
    stop = write_json(data, found[FOUND_IMAGE, 0], found[FOUND_IMAGE, 1], scratch, 0)
    size = begin_image(sink, scratch, 0, stop, base, base_parts, page_start)
    if size == 0:
        return
    first = sink.state[ROWS]
    begin, end = found[FOUND_ALT, 0], found[FOUND_ALT, 1]
    if begin >= 0:
        add_text(sink, first, first, False, size, data, begin, end, JSON_TEXT, _OG_ALT)
    row = sink.state[ROWS]
    begin, end = found[FOUND_DESCRIPTION, 0], found[FOUND_DESCRIPTION, 1]
    if begin >= 0:
        add_text(sink, first, row, row > first, size, data, begin, end, JSON_TEXT, _OG_DESCRIPTION)
    if sink.state[ROWS] == first and not sink.state[FULL]:
        sink.state[WITHOUT_TEXT] += 1
