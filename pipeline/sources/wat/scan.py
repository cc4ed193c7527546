"""The image links in WAT records (JSON), compiled: quotes found 64 bytes at a time, texts that say nothing hopped over.

In: JSON records in a buffer. Out: pairs in a `Sink`. Of a record only this is looked at, the rest is skipped:

    Envelope . Payload-Metadata . HTTP-Response-Metadata . HTML-Metadata .
        Head . Base, Metas [ {name | property | http-equiv, content} ], Link [ {url, rel} ]
        Links [ {path: "IMG@/src", url, alt, title}, {path: "A@/href", url, rel} ]
"""

import numpy as np

from pipeline.sources.pairs.pair_sink import FULL, end_page
from pipeline.sources.pairs.url_resolution import set_base
from pipeline.sources.wat.json_scan import (
    BROKEN,
    CLOSE_ARRAY,
    COMMA,
    NAME,
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
from pipeline.sources.wat.objects import NUM_FIELDS, PATH, URL, read_fields, skip_link
from pipeline.sources.wat.pairs import (
    FOUND_BASE,
    FOUND_IMAGE,
    add_image,
    add_open_graph,
    take_base,
    take_link_license,
    take_meta,
)
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import kernel, leaf

GOOD, MALFORMED = 0, 1
"""Status of a record."""


@leaf
def _read_array(data, position, end, quotes, walk, fields, kind, found, page, sink, page_start):
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
            after = skip_link(data, position, end, quotes, walk)
            if after > 0:
                position = after
                continue
        position = read_fields(data, position, end, quotes, walk, fields)
        if position < 0:
            return position
        if kind == 0:
            path, path_end = fields[PATH, 0], fields[PATH, 1]
            if path >= 0 and is_at(data, path, path_end, b"IMG@") and fields[URL, 0] >= 0:
                # "IMG@/src" in Common Crawl's files, "IMG@\/src" by writers that escape slashes; not IMG@/longdesc
                if data[path_end - 1] == 99 and path_end - path <= 9:
                    add_image(data, fields, scratch, base, base_parts, sink, page_start)
            else:
                take_link_license(data, fields, scratch, texts, lengths)
        elif kind == 1:
            take_meta(data, fields, found, texts, lengths)
        else:
            take_link_license(data, fields, scratch, texts, lengths)


@leaf
def _read_head(data, position, end, quotes, walk, fields, found, page, sink, page_start):
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
            found[FOUND_BASE, 0], found[FOUND_BASE, 1] = position + 1, stop - 1
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
def _read_record(data, position, end, quotes, walk, fields, found, page, sink, page_start, address):
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
            take_base(data, found, page, address)
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


@kernel
def scan_wat(data, records, positions, first, sink, page, address, quotes, status):
    """Read the JSON of `records` from number `first` on; return the number of the record that found the sink full.

    `records` has rows (begin, end, begin of the URL, its end). `positions` are their places in the file.
    `quotes` has room for one number per byte of the longest record and `SPARE_QUOTES` more; `status` gets `GOOD`
    or `MALFORMED` per record; a malformed one leaves nothing in the sink.
    """
    walk = np.zeros(3, dtype=np.int64)
    fields = np.zeros((NUM_FIELDS, 2), dtype=np.int64)
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
        if whole and found[FOUND_IMAGE, 0] >= 0:
            add_open_graph(data, found, page, sink, page_start)
        end_page(sink, page_start, positions[number], data, url, url_end, texts, lengths)
        if state[FULL]:
            state[:] = page_start
            return number
        if not whole:
            state[:] = page_start
        status[number] = GOOD if whole else MALFORMED
    return len(records)
