"""The images in HTML pages, compiled: the tokens of the HTML standard, one pass, no tree, linear in the bytes.

In: pages in UTF-8, one after the other. Out: pairs in a `Sink`. A tree as browsers build it takes quadratic time and
space on hostile pages (a megabyte of open ``<div>`` takes Lexbor 18 s); what is wanted here can be told from tags:

    <figure>  <img srcset data-src src alt title data-caption>   <figcaption> text </figcaption>  </figure>
    <picture> <source srcset> <img> </picture>   <meta property="og:image">, <base href>, <html lang>, <a rel=license>

Comments, scripts, styles and other raw text are stepped over as the tokenizer of the standard does, but for scripts
within comments within scripts; ``noscript`` is read as for a browser without scripts.
"""

import numpy as np
from numba import njit

from pipeline.sources.byte_scan import find_either, has_word, is_at, is_at_any_case
from pipeline.sources.figures import DEPTH, IN_CAPTION, add_figure_image, append_caption, close_figure, open_figure
from pipeline.sources.html_names import (
    ALT,
    AREA,
    BASE,
    CONTENT,
    DATA_SRC,
    DATA_SRCSET,
    FIGCAPTION,
    FIGURE,
    FIRST_CAPTION,
    HEIGHT,
    HREF,
    HTML,
    HTTP_EQUIV,
    IMG,
    INLINE,
    LANG,
    LINK,
    META,
    NAME,
    NUM_ATTRIBUTES,
    PICTURE,
    PLAINTEXT,
    PROPERTY,
    RAW_TEXT,
    REL,
    SOURCE,
    SRC,
    SRCSET,
    TITLE,
    WIDTH,
    A,
    attribute_code,
    tag_code,
)  # fmt: skip
from pipeline.sources.page_facts import take_language, take_license
from pipeline.sources.pair_sink import (
    FULL,
    HTML_ATTRIBUTE,
    ROWS,
    TEXT_SOURCES,
    TRACKING_PIXELS,
    WITHOUT_TEXT,
    add_text,
    begin_image,
    end_page,
    write_text,
)  # fmt: skip
from pipeline.sources.srcset import largest
from pipeline.sources.url_resolution import resolve, set_base

_LESS, _GREATER, _SLASH, _EQUALS, _DOUBLE, _SINGLE, _DASH = 60, 62, 47, 61, 34, 39, 45
_OG_ALT, _OG_DESCRIPTION = TEXT_SOURCES.index("og:image:alt"), TEXT_SOURCES.index("og:description")
_CAPTION_SOURCE = TEXT_SOURCES.index("data-caption")
_FOUND_IMAGE, _FOUND_ALT, _FOUND_DESCRIPTION = range(3)
_MAX_ADDRESS_BYTES = 8192


@njit(inline="always")  # type: ignore[untyped-decorator]
def _is_space(byte):  # type: ignore[no-untyped-def]
    return byte == 32 or (9 <= byte <= 13 and byte != 11)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_attributes(data, position, end, wanted, attributes):  # type: ignore[no-untyped-def]
    """Read the attributes of a tag up to its ``>``; return the position after it, `end` for a tag that does not end.

    `attributes` gets the range of the first of each known name; without `wanted` they are only stepped over.
    """
    while position < end:
        byte = data[position]
        if byte == _GREATER:
            return position + 1
        if _is_space(byte) or byte == _SLASH:
            position += 1
            continue
        name = position
        position += 1  # the first may be "=" (a parse error): then it belongs to the name
        while position < end:
            byte = data[position]
            if byte in (_EQUALS, _GREATER, _SLASH) or _is_space(byte):
                break
            position += 1
        name_end = position
        while position < end and _is_space(data[position]):
            position += 1
        begin = stop = position
        if position < end and data[position] == _EQUALS:
            position += 1
            while position < end and _is_space(data[position]):
                position += 1
            if position >= end:
                return end
            quote = data[position]
            if quote in (_DOUBLE, _SINGLE):
                begin = position + 1
                stop = find_either(data, begin, end, quote, quote)
                if stop >= end:
                    return end
                position = stop + 1
            else:
                begin = position
                while position < end and data[position] != _GREATER and not _is_space(data[position]):
                    position += 1
                stop = position
        if wanted:
            code = attribute_code(data, name, name_end)
            if code >= 0 and attributes[code, 0] < 0:
                attributes[code, 0], attributes[code, 1] = begin, stop
    return end


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _end_of_comment(data, position, end):  # type: ignore[no-untyped-def]
    """Return the position after the comment whose ``<!--`` ends at `position`."""
    if is_at(data, position, end, b">"):
        return position + 1
    if is_at(data, position, end, b"->"):
        return position + 2
    while True:
        position = find_either(data, position, end, _DASH, _DASH)
        if position >= end:
            return end
        if is_at(data, position, end, b"-->"):
            return position + 3
        if is_at(data, position, end, b"--!>"):
            return position + 4
        position += 1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _end_of_raw_text(data, position, end, name, name_end):  # type: ignore[no-untyped-def]
    """Return the position of the end tag that closes the raw text element whose start tag's name is given."""
    size = name_end - name
    while True:
        position = find_either(data, position, end, _LESS, _LESS)
        if position + 2 + size >= end:
            return end
        if data[position + 1] == _SLASH:
            same = True
            for i in range(size):
                if (data[position + 2 + i] | 32) != (data[name + i] | 32):
                    same = False
                    break
            after = data[position + 2 + size]
            if same and (after in (_GREATER, _SLASH) or _is_space(after)):
                return position
        position += 1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _number(data, begin, end):  # type: ignore[no-untyped-def]
    """Return the whole number of pixels that a width or height declares, -1 for none, a percentage or another unit."""
    if begin < 0:
        return -1
    while begin < end and _is_space(data[begin]):
        begin += 1
    number = -1
    while begin < end and 48 <= data[begin] <= 57:
        number = min(max(number, 0) * 10 + data[begin] - 48, 100_000)
        begin += 1
    if begin < end and (data[begin] == 37 or (data[begin] == 101)):  # %, em
        return -1
    return number


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _plain(data, attributes, code, scratch):  # type: ignore[no-untyped-def]
    """Write an attribute's value, its references resolved, to `scratch`; return its length, 0 when there is none."""
    if attributes[code, 0] < 0:
        return 0
    return write_text(data, attributes[code, 0], attributes[code, 1], HTML_ATTRIBUTE, scratch, 0)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _best_srcset(data, attributes, scratch, best, best_size, best_weight):  # type: ignore[no-untyped-def]
    """Keep in `best` the largest image of ``srcset`` and ``data-srcset``, if larger; return (length, weight)."""
    for code in (SRCSET, DATA_SRCSET):
        size = _plain(data, attributes, code, scratch)
        if size == 0:
            continue
        begin, stop, weight = largest(scratch, size)
        if begin >= 0 and weight > best_weight and stop - begin <= _MAX_ADDRESS_BYTES:
            best_size, best_weight = stop - begin, weight
            best[:best_size] = scratch[begin:stop]
    return best_size, best_weight


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_image(data, attributes, best_size, best, page, figures, sink, page_start):  # type: ignore[no-untyped-def]
    """Add the pairs of an ``<img>``: its address is the largest of `best`, else the one loaded late, else ``src``."""
    scratch, base, base_parts, _, _, _ = page
    state = sink.state
    width = _number(data, attributes[WIDTH, 0], attributes[WIDTH, 1])
    height = _number(data, attributes[HEIGHT, 0], attributes[HEIGHT, 1])
    if 0 <= width <= 1 or 0 <= height <= 1:
        state[TRACKING_PIXELS] += 1
        return
    if best_size > 0:
        url_size = begin_image(sink, best, 0, best_size, base, base_parts, page_start)
    else:
        size = _plain(data, attributes, DATA_SRC, scratch)
        if size == 0 or is_at_any_case(scratch, 0, size, b"data:"):
            size = _plain(data, attributes, SRC, scratch)
        url_size = begin_image(sink, scratch, 0, size, base, base_parts, page_start)
    if url_size == 0:
        return
    first = state[ROWS]
    for source in range(len(TEXT_SOURCES)):
        code = ALT if source == 0 else TITLE if source == 1 else FIRST_CAPTION + source - _CAPTION_SOURCE
        if 2 <= source < _CAPTION_SOURCE or source >= _OG_ALT or attributes[code, 0] < 0:
            continue
        row = state[ROWS]
        begin, stop = attributes[code, 0], attributes[code, 1]
        add_text(sink, first, row, row > first, url_size, data, begin, stop, HTML_ATTRIBUTE, source)
    if state[FULL]:
        return
    if not add_figure_image(figures, sink, first, url_size) and state[ROWS] == first:
        state[WITHOUT_TEXT] += 1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_meta(data, attributes, found, texts, lengths):  # type: ignore[no-untyped-def]
    begin, end = attributes[CONTENT, 0], attributes[CONTENT, 1]
    if begin < 0:
        return
    for code in (PROPERTY, NAME):
        left, right = attributes[code, 0], attributes[code, 1]
        if left < 0 or not is_at_any_case(data, left, right, b"og:"):
            continue
        size = right - left
        kind = -1
        if size == 8 and is_at_any_case(data, left, right, b"og:image"):
            kind = _FOUND_IMAGE
        elif size == 12 and is_at_any_case(data, left, right, b"og:image:url"):
            kind = _FOUND_IMAGE
        elif size == 12 and is_at_any_case(data, left, right, b"og:image:alt"):
            kind = _FOUND_ALT
        elif size == 14 and is_at_any_case(data, left, right, b"og:description"):
            kind = _FOUND_DESCRIPTION
        if kind >= 0 and found[kind, 0] < 0:
            found[kind, 0], found[kind, 1] = begin, end
    left, right = attributes[HTTP_EQUIV, 0], attributes[HTTP_EQUIV, 1]
    if left >= 0 and is_at_any_case(data, left, right, b"content-language"):
        take_language(data, begin, end, texts, lengths)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_link(data, attributes, scratch, texts, lengths):  # type: ignore[no-untyped-def]
    begin, end = attributes[HREF, 0], attributes[HREF, 1]
    if begin < 0 or end - begin < 25 or end - begin > 512:
        return
    declared = attributes[REL, 0] >= 0 and has_word(data, attributes[REL, 0], attributes[REL, 1], b"license")
    take_license(data, begin, end, declared, texts, lengths)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_base(data, attributes, page):  # type: ignore[no-untyped-def]
    scratch, base, base_parts, _, _, address = page
    if attributes[HREF, 1] - attributes[HREF, 0] > 4096:
        return
    size = _plain(data, attributes, HREF, scratch)
    written = resolve(scratch, 0, size, base, base_parts, address, 0)
    if written > 0:
        set_base(address, 0, written, base, base_parts)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scan_page(data, position, end, page, figures, attributes, found, best, sink, page_start):  # type: ignore[no-untyped-def]
    scratch, _base, _base_parts, texts, lengths, _address = page
    best_size, best_weight = 0, 0.0
    in_picture = False
    has_base = False
    while position < end and not sink.state[FULL]:
        start = position
        position = find_either(data, position, end, _LESS, _LESS)
        append_caption(figures, data, start, position, False)
        if position + 1 >= end:
            break
        name = position + 1
        first = data[name]
        closing = first == _SLASH
        if closing:
            name += 1
            first = data[name] if name < end else np.uint8(0)
        if not 97 <= (first | 32) <= 122:
            if is_at(data, name, end, b"!--"):
                position = _end_of_comment(data, name + 3, end)
            elif closing or first == 33 or first == 63:  # </ ! ?: what is no tag up to ">"
                position = find_either(data, name, end, _GREATER, _GREATER) + 1
            else:
                append_caption(figures, data, position, position + 1, False)
                position += 1
            continue
        name_end = name + 1
        while (
            name_end < end and data[name_end] != _GREATER and data[name_end] != _SLASH and not _is_space(data[name_end])
        ):
            name_end += 1
        tag = tag_code(data, name, name_end)
        wanted = 0 < tag < PICTURE and not closing
        if wanted:
            attributes[:, 0] = -1
        position = _read_attributes(data, name_end, end, wanted, attributes)
        if position >= end and data[end - 1] != _GREATER:
            break  # the tag does not end: it is none
        if tag != INLINE:
            append_caption(figures, data, 0, 0, True)
        if tag <= 0:
            continue
        if closing:
            if tag == PICTURE:
                in_picture = False
            elif tag == FIGURE:
                close_figure(figures, sink)
            elif tag == FIGCAPTION:
                figures.state[IN_CAPTION] = 0
        elif tag == IMG:
            if not in_picture:
                best_size, best_weight = 0, 0.0
            best_size, best_weight = _best_srcset(data, attributes, scratch, best, best_size, best_weight)
            _add_image(data, attributes, best_size, best, page, figures, sink, page_start)
            best_size, best_weight = 0, 0.0
        elif tag == SOURCE:
            if in_picture:
                best_size, best_weight = _best_srcset(data, attributes, scratch, best, best_size, best_weight)
        elif tag == META:
            _take_meta(data, attributes, found, texts, lengths)
        elif tag == BASE:
            if not has_base and attributes[HREF, 0] >= 0:
                has_base = True
                _take_base(data, attributes, page)
        elif tag == HTML:
            if attributes[LANG, 0] >= 0:
                take_language(data, attributes[LANG, 0], attributes[LANG, 1], texts, lengths)
        elif tag in (A, AREA, LINK):
            _take_link(data, attributes, scratch, texts, lengths)
        elif tag == PICTURE:
            in_picture = True
            best_size, best_weight = 0, 0.0
        elif tag == FIGURE:
            open_figure(figures, sink)
        elif tag == FIGCAPTION:
            figures.state[IN_CAPTION] = 1
        elif tag == RAW_TEXT:
            position = _end_of_raw_text(data, position, end, name, name_end)
        elif tag == PLAINTEXT:
            break
    while figures.state[DEPTH] > 0:
        close_figure(figures, sink)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_open_graph(data, found, page, sink, page_start):  # type: ignore[no-untyped-def]
    scratch, base, base_parts, _, _, _ = page
    size = write_text(data, found[_FOUND_IMAGE, 0], found[_FOUND_IMAGE, 1], HTML_ATTRIBUTE, scratch, 0)
    url_size = begin_image(sink, scratch, 0, size, base, base_parts, page_start)
    if url_size == 0:
        return
    first = sink.state[ROWS]
    for kind in (_FOUND_ALT, _FOUND_DESCRIPTION):
        if found[kind, 0] >= 0:
            row = sink.state[ROWS]
            source = _OG_ALT if kind == _FOUND_ALT else _OG_DESCRIPTION
            begin, end = found[kind, 0], found[kind, 1]
            add_text(sink, first, row, row > first, url_size, data, begin, end, HTML_ATTRIBUTE, source)
    if sink.state[ROWS] == first and not sink.state[FULL]:
        sink.state[WITHOUT_TEXT] += 1


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def scan_html(data, pages, urls, positions, first, sink, page, figures):  # type: ignore[no-untyped-def]
    """Read `pages` from number `first` on; return the number of the page that found the sink full.

    `pages` has rows (begin, end in `data`, begin and end of its address in `urls`); `positions` are their
    places in the file. `page` holds room: scratch, base, its parts, facts, their lengths, an address.
    """
    _scratch, base, base_parts, texts, lengths, _address = page
    attributes = np.zeros((NUM_ATTRIBUTES, 2), dtype=np.int64)
    found = np.zeros((3, 2), dtype=np.int64)
    best = np.zeros(_MAX_ADDRESS_BYTES, dtype=np.uint8)
    state = sink.state
    page_start = np.zeros_like(state)
    for number in range(first, len(pages)):
        begin, end, url, url_end = pages[number]
        page_start[:] = state
        found[:, 0] = -1
        lengths[:] = 0
        figures.state[:] = 0
        set_base(urls, url, url_end, base, base_parts)
        _scan_page(data, begin, end, page, figures, attributes, found, best, sink, page_start)
        if found[_FOUND_IMAGE, 0] >= 0:
            _add_open_graph(data, found, page, sink, page_start)
        end_page(sink, page_start, positions[number], urls, url, url_end, texts, lengths)
        if state[FULL]:
            state[:] = page_start
            return number
    return len(pages)
