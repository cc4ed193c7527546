"""What the tags of a page say of its images, compiled: ``<img>``, ``<source>``, ``<meta>``, ``<base>``, links.

In: the ranges of a tag's attributes in a `Page`. Out: pairs in a `Sink`, facts of the page, its base.
"""

from collections import namedtuple

import numpy as np

from pipeline.sources.html.figures import add_figure_image
from pipeline.sources.html.names import (
    ALT,
    CONTENT,
    DATA_SRC,
    DATA_SRCSET,
    FIRST_CAPTION,
    HEIGHT,
    HREF,
    HTTP_EQUIV,
    NAME,
    NUM_ATTRIBUTES,
    PROPERTY,
    REL,
    SRC,
    SRCSET,
    TITLE,
    WIDTH,
)
from pipeline.sources.html.srcset import largest
from pipeline.sources.html.tokens import IS_SPACE
from pipeline.sources.pairs.page_facts import new_facts, take_language, take_license
from pipeline.sources.pairs.pair_sink import (
    COUNTS,
    DROP_REASONS,
    FULL,
    HTML_ATTRIBUTE,
    ROWS,
    TEXT_SOURCES,
    TRACKING_PIXELS,
    WITHOUT_TEXT,
    add_text,
    begin_image,
    write_text,
)
from pipeline.sources.pairs.url_resolution import MAX_BASE_BYTES, empty_base, resolve, set_base
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import PADDING, has_word, is_at_any_case
from schemas.kernels.compiled import inlined, leaf

FOUND_IMAGE, FOUND_ALT, FOUND_DESCRIPTION = range(3)
"""Rows of ``found``: the page's ``og:image`` and its texts."""
_OG_ALT, _OG_DESCRIPTION = TEXT_SOURCES.index("og:image:alt"), TEXT_SOURCES.index("og:description")
_CAPTION_SOURCE = TEXT_SOURCES.index("data-caption")
_MAX_ADDRESS_BYTES = 8192
_SMALLEST_SCRATCH = 16 << 10

Page = namedtuple("Page", "scratch base base_parts texts lengths address attributes found best start")
"""Room for one page: for a text, the base and its parts, the facts and their lengths, an address; ranges of the
attributes of a tag by code and of what `found` names; the address in ``srcset`` that is the largest so far; the state
of the sink at the page's begin."""


def new_page(longest: int) -> Page:
    """Return room for pages of at most `longest` bytes."""
    return Page(
        np.zeros(max(_SMALLEST_SCRATCH, longest + longest // 4) + PADDING, dtype=np.uint8),
        *empty_base(),
        *new_facts(),
        address=np.zeros(4 * MAX_BASE_BYTES + 64, dtype=np.uint8),
        attributes=np.zeros((NUM_ATTRIBUTES, 2), dtype=np.int64),
        found=np.zeros((3, 2), dtype=np.int64),
        best=np.zeros(_MAX_ADDRESS_BYTES, dtype=np.uint8),
        start=np.zeros(COUNTS + len(DROP_REASONS), dtype=np.int64),
    )


@leaf
def _pixels(data, begin, end):
    """Return the whole number of pixels that a width or height declares, -1 for none, a percentage or another unit."""
    if begin < 0:
        return -1
    while begin < end and IS_SPACE[data[begin]]:
        begin += 1
    number = -1
    while begin < end and 48 <= data[begin] <= 57:
        number = min(max(number, 0) * 10 + data[begin] - 48, 100_000)
        begin += 1
    if begin < end and (data[begin] == 37 or (data[begin] == 101)):  # %, em
        return -1
    return number


@leaf
def _plain(data, page, code):
    """Write an attribute's value, its references resolved, to the scratch; return its length, 0 for no attribute."""
    begin, end = page.attributes[code, 0], page.attributes[code, 1]
    return write_text(data, begin, end, HTML_ATTRIBUTE, page.scratch, 0) if begin >= 0 else 0


@leaf
def best_srcset(data, page, best_size, best_weight):
    """Keep the largest image of ``srcset`` and ``data-srcset``, if larger than the best; return (length, weight)."""
    for code in (SRCSET, DATA_SRCSET):
        size = _plain(data, page, code)
        if size == 0:
            continue
        begin, stop, weight = largest(page.scratch, size)
        if begin >= 0 and weight > best_weight and stop - begin <= _MAX_ADDRESS_BYTES:
            best_size, best_weight = stop - begin, weight
            copy_bytes(page.scratch, begin, stop, page.best, 0)
    return best_size, best_weight


@inlined
def add_image(data, page, best_size, figures, sink):
    """Add the pairs of an ``<img>``: its address is the best of ``srcset``, else the one loaded late, else ``src``."""
    attributes = page.attributes
    state = sink.state
    width = _pixels(data, attributes[WIDTH, 0], attributes[WIDTH, 1])
    height = _pixels(data, attributes[HEIGHT, 0], attributes[HEIGHT, 1])
    if 0 <= width <= 1 or 0 <= height <= 1:
        state[TRACKING_PIXELS] += 1
        return
    address = page.best
    if best_size == 0:
        address = page.scratch
        best_size = _plain(data, page, DATA_SRC)
        if best_size == 0 or is_at_any_case(address, 0, best_size, b"data:"):
            best_size = _plain(data, page, SRC)
    url_size = begin_image(sink, address, 0, best_size, page.base, page.base_parts, page.start)
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


@inlined
def take_meta(data, page):
    """Take the first of each ``og:`` property that is used, and a declared language."""
    attributes, found = page.attributes, page.found
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
            kind = FOUND_IMAGE
        elif size == 12 and is_at_any_case(data, left, right, b"og:image:url"):
            kind = FOUND_IMAGE
        elif size == 12 and is_at_any_case(data, left, right, b"og:image:alt"):
            kind = FOUND_ALT
        elif size == 14 and is_at_any_case(data, left, right, b"og:description"):
            kind = FOUND_DESCRIPTION
        if kind >= 0 and found[kind, 0] < 0:
            found[kind, 0], found[kind, 1] = begin, end
    left, right = attributes[HTTP_EQUIV, 0], attributes[HTTP_EQUIV, 1]
    if left >= 0 and is_at_any_case(data, left, right, b"content-language"):
        take_language(data, begin, end, page.texts, page.lengths)


@inlined
def take_link(data, page):
    """Take the target of a link when it is a licence."""
    attributes = page.attributes
    begin, end = attributes[HREF, 0], attributes[HREF, 1]
    if begin < 0 or end - begin < 25 or end - begin > 512:
        return
    declared = attributes[REL, 0] >= 0 and has_word(data, attributes[REL, 0], attributes[REL, 1], b"license")
    take_license(data, begin, end, declared, page.texts, page.lengths)


@inlined
def take_base(data, page):
    """Make the ``href`` of ``<base>`` the base, itself resolved against the page's address."""
    if page.attributes[HREF, 1] - page.attributes[HREF, 0] > 4096:
        return
    size = _plain(data, page, HREF)
    written = resolve(page.scratch, 0, size, page.base, page.base_parts, page.address, 0)
    if written > 0:
        set_base(page.address, 0, written, page.base, page.base_parts)


@inlined
def add_open_graph(data, page, sink):
    """Add the pairs of the page's ``og:image``, if there is one, at the end of the page."""
    found = page.found
    if found[FOUND_IMAGE, 0] < 0:
        return
    size = write_text(data, found[FOUND_IMAGE, 0], found[FOUND_IMAGE, 1], HTML_ATTRIBUTE, page.scratch, 0)
    url_size = begin_image(sink, page.scratch, 0, size, page.base, page.base_parts, page.start)
    if url_size == 0:
        return
    first = sink.state[ROWS]
    for kind in (FOUND_ALT, FOUND_DESCRIPTION):
        if found[kind, 0] >= 0:
            row = sink.state[ROWS]
            source = _OG_ALT if kind == FOUND_ALT else _OG_DESCRIPTION
            begin, end = found[kind, 0], found[kind, 1]
            add_text(sink, first, row, row > first, url_size, data, begin, end, HTML_ATTRIBUTE, source)
    if sink.state[ROWS] == first and not sink.state[FULL]:
        sink.state[WITHOUT_TEXT] += 1
