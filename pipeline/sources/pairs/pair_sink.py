"""Where the compiled scanners put what they find: columns of pairs and pages, and counts.

In: per page its URL, language and licence; per image a reference and its texts. Out: the columns of a `Sink`, which
`pipeline.sources.pairs.gathered` makes tables of. One image gives a pair per different text.
"""

from collections import namedtuple

import numpy as np

from pipeline.sources.pairs.escapes import plain_size, write_html, write_json
from pipeline.sources.pairs.url_resolution import DATA_URL, NO_REFERENCE, NO_SPACE, resolve
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import trim
from schemas.kernels.compiled import leaf

TEXT_SOURCES = (
    "alt", "title", "figcaption", "data-caption", "data-image-caption", "data-title", "data-image-title",
    "data-description", "data-image-description", "data-alt", "og:image:alt", "og:description",
)  # fmt: skip
"""Where a caption stood, by code."""

ROWS, URL_BYTES, CAPTION_BYTES, PAGES, PAGE_BYTES, FULL, COUNTS = range(7)
"""Positions in ``state``: lengths of the columns, whether one was full, and the first of the counts."""
WITHOUT_TEXT, DATA_URLS, TRACKING_PIXELS, NOT_HTTP_URLS, TOO_MANY = range(COUNTS, COUNTS + 5)
DROP_REASONS = ("image_without_text", "data_url", "tracking_pixel", "url_scheme", "too_many_on_page")
"""Why an image gave no pair: the names of the counts."""

MAX_PAGE_ROWS = 20_000
"""More pairs of one page are dropped and counted: such a page is made by a machine."""
MAX_PAGE_BYTES = 32 << 20
"""The same for their bytes (a long base repeated)."""

HTML_ATTRIBUTE, HTML_TEXT, JSON_TEXT, PLAIN_TEXT = range(4)
"""How a text is escaped."""

Sink = namedtuple(
    "Sink", "urls url_ends captions caption_ends sources row_pages page_texts page_ends page_positions state"
)
"""Columns as numpy arrays; ``page_texts`` holds URL, language and licence of each page, one after the other."""


def new_sink(num_bytes: int) -> Sink:
    """Return an empty sink with room for about `num_bytes` of addresses and of captions."""
    rows = max(1024, num_bytes // 32)
    return Sink(
        urls=np.empty(num_bytes, dtype=np.uint8),
        url_ends=np.zeros(rows + 1, dtype=np.int64),
        captions=np.empty(num_bytes, dtype=np.uint8),
        caption_ends=np.zeros(rows + 1, dtype=np.int64),
        sources=np.empty(rows, dtype=np.uint8),
        row_pages=np.empty(rows, dtype=np.int64),
        page_texts=np.empty(num_bytes, dtype=np.uint8),
        page_ends=np.zeros(3 * rows + 1, dtype=np.int64),
        page_positions=np.zeros(rows, dtype=np.int64),
        state=np.zeros(COUNTS + len(DROP_REASONS), dtype=np.int64),
    )


@leaf
def write_text(data, begin, end, escape, out, position):
    """Write a text unescaped; return the output's end. The output has room for `plain_size`."""
    if escape == JSON_TEXT:
        return write_json(data, begin, end, out, position)
    if escape == PLAIN_TEXT:
        return copy_bytes(data, begin, end, out, position)
    return write_html(data, begin, end, out, position, escape == HTML_ATTRIBUTE)


@leaf
def begin_image(sink, data, begin, end, base, base_parts, page_start):
    """Resolve an image's plain reference at the end of the addresses; return its length, or 0 when it gives no pair.

    `page_start` is the state (a copy) at the beginning of the page: what bounds the pairs of one page.
    """
    state = sink.state
    if state[ROWS] - page_start[ROWS] >= MAX_PAGE_ROWS or (
        state[URL_BYTES] + state[CAPTION_BYTES] - page_start[URL_BYTES] - page_start[CAPTION_BYTES] >= MAX_PAGE_BYTES
    ):
        state[TOO_MANY] += 1
        return 0
    written = resolve(data, begin, end, base, base_parts, sink.urls, state[URL_BYTES])
    if written == NO_SPACE:
        state[FULL] = 1
        return 0
    if written == DATA_URL:
        state[DATA_URLS] += 1
    elif written < 0 and written != NO_REFERENCE:
        state[NOT_HTTP_URLS] += 1
    return max(written - state[URL_BYTES], 0) if written >= 0 else 0


@leaf
def add_text(sink, first_row, last_row, again, url_size, data, begin, end, escape, source):
    """Add the pair of the image begun last and a text, unless it is empty or the rows of the image have it.

    Those rows are `first_row` up to `last_row`; `again` tells that one of them used the address begun last.
    """
    state = sink.state
    if begin >= end or state[FULL]:
        return
    row = state[ROWS]
    start = state[CAPTION_BYTES]
    if (
        row + 1 >= len(sink.url_ends)
        or len(sink.captions) - start < plain_size(end - begin)
        or len(sink.urls) - state[URL_BYTES] < 2 * url_size
    ):
        state[FULL] = 1
        return
    stop = write_text(data, begin, end, escape, sink.captions, start)
    low, high = trim(sink.captions, start, stop)
    size = high - low
    if size == 0:
        return
    for i in range(size):  # to the front: the white space before it goes
        sink.captions[start + i] = sink.captions[low + i]
    for other in range(first_row, last_row):
        left = sink.caption_ends[other]
        if sink.caption_ends[other + 1] - left == size:
            same = True
            for i in range(size):
                if sink.captions[left + i] != sink.captions[start + i]:
                    same = False
                    break
            if same:
                return
    url = state[URL_BYTES]
    if again:  # the address stands before: once more
        for i in range(url_size):
            sink.urls[url + i] = sink.urls[url - url_size + i]
    state[URL_BYTES] = url + url_size
    state[CAPTION_BYTES] = start + size
    sink.url_ends[row + 1] = state[URL_BYTES]
    sink.caption_ends[row + 1] = state[CAPTION_BYTES]
    sink.sources[row] = source
    state[ROWS] = row + 1


@leaf
def end_page(sink, page_start, position, data, begin, end, texts, lengths):
    """Store the place, URL ``data[begin:end]``, language and licence (rows of `texts`) of a page that has pairs."""
    state = sink.state
    if state[ROWS] == page_start[ROWS] or state[FULL]:
        return
    needed = end - begin + lengths[0] + lengths[1]
    last = 3 * state[PAGES]
    if last + 3 >= len(sink.page_ends) or len(sink.page_texts) - state[PAGE_BYTES] < needed:
        state[FULL] = 1
        return
    write = copy_bytes(data, begin, end, sink.page_texts, state[PAGE_BYTES])
    sink.page_ends[last + 1] = write
    for kind in range(2):
        write = copy_bytes(texts[kind], 0, lengths[kind], sink.page_texts, write)
        sink.page_ends[last + 2 + kind] = write
    state[PAGE_BYTES] = write
    sink.page_positions[state[PAGES]] = position
    for row in range(page_start[ROWS], state[ROWS]):
        sink.row_pages[row] = state[PAGES]
    state[PAGES] += 1
