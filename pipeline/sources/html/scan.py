"""The images in HTML pages, compiled: the tokens of the HTML standard, one pass, no tree, linear in the bytes.

In: pages in UTF-8, one after the other. Out: pairs in a `Sink`. A tree as browsers build it takes quadratic time and
space on hostile pages (a megabyte of open ``<div>`` takes Lexbor 18 s); what is wanted here can be told from tags:

    <figure>  <img srcset data-src src alt title data-caption>   <figcaption> text </figcaption>  </figure>
    <picture> <source srcset> <img> </picture>   <meta property="og:image">, <base href>, <html lang>, <a rel=license>

Comments, scripts, styles and other raw text are stepped over as the tokenizer of the standard does, but for scripts
within comments within scripts; ``noscript`` is read as for a browser without scripts.
"""

import numpy as np

from pipeline.sources.html.figures import DEPTH, IN_CAPTION, append_caption, close_figure, open_figure
from pipeline.sources.html.images import add_image, add_open_graph, best_srcset, take_base, take_link, take_meta
from pipeline.sources.html.names import (
    BASE,
    FIGCAPTION,
    FIGURE,
    HREF,
    HTML,
    IMG,
    INLINE,
    LANG,
    LINK,
    META,
    NUM_ATTRIBUTES,
    PICTURE,
    PLAINTEXT,
    RAW_TEXT,
    SOURCE,
    A,
    tag_code,
)
from pipeline.sources.html.tokens import (
    ENDS_TAG_NAME,
    GREATER,
    LESS,
    SLASH,
    end_of_comment,
    end_of_raw_text,
    read_attributes,
)
from pipeline.sources.pairs.page_facts import take_language
from pipeline.sources.pairs.pair_sink import FULL, end_page
from pipeline.sources.pairs.url_resolution import set_base
from schemas.kernels.byte_scan import find_either, is_at
from schemas.kernels.compiled import inlined, leaf


@inlined
def _scan_page(data, position, end, page, figures, sink):
    attributes = page.attributes
    best_size, best_weight = 0, 0.0
    in_picture = False
    has_base = False
    while position < end and not sink.state[FULL]:
        start = position
        position = find_either(data, position, end, LESS, LESS)
        append_caption(figures, data, start, position, False)
        if position + 1 >= end:
            break
        name = position + 1
        first = data[name]
        closing = first == SLASH
        if closing:
            name += 1
            first = data[name] if name < end else np.uint8(0)
        if not 97 <= (first | 32) <= 122:
            if is_at(data, name, end, b"!--"):
                position = end_of_comment(data, name + 3, end)
            elif closing or first == 33 or first == 63:  # </ ! ?: what is no tag up to ">"
                position = find_either(data, name, end, GREATER, GREATER) + 1
            else:
                append_caption(figures, data, position, position + 1, False)
                position += 1
            continue
        name_end = name + 1
        while name_end < end and not ENDS_TAG_NAME[data[name_end]]:
            name_end += 1
        tag = tag_code(data, name, name_end)
        wanted = 0 < tag < PICTURE and not closing
        if wanted:
            for code in range(NUM_ATTRIBUTES):
                attributes[code, 0] = -1
        position = read_attributes(data, name_end, end, wanted, attributes)
        if position >= end and data[end - 1] != GREATER:
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
        elif IMG <= tag <= SOURCE:
            if tag == IMG and not in_picture:
                best_size, best_weight = 0, 0.0
            if tag == IMG or in_picture:
                best_size, best_weight = best_srcset(data, page, best_size, best_weight)
            if tag == IMG:
                add_image(data, page, best_size, figures, sink)
                best_size, best_weight = 0, 0.0
        elif tag == META:
            take_meta(data, page)
        elif tag == BASE:
            if not has_base and attributes[HREF, 0] >= 0:
                has_base = True
                take_base(data, page)
        elif tag == HTML:
            if attributes[LANG, 0] >= 0:
                take_language(data, attributes[LANG, 0], attributes[LANG, 1], page.texts, page.lengths)
        elif A <= tag <= LINK:
            take_link(data, page)
        elif tag == PICTURE:
            in_picture = True
            best_size, best_weight = 0, 0.0
        elif tag == FIGURE:
            open_figure(figures, sink)
        elif tag == FIGCAPTION:
            figures.state[IN_CAPTION] = 1
        elif tag == RAW_TEXT:
            position = end_of_raw_text(data, position, end, name, name_end)
        elif tag == PLAINTEXT:
            break
    while figures.state[DEPTH] > 0:
        close_figure(figures, sink)


@leaf
def scan_html(data, pages, urls, positions, first, sink, page, figures):
    """Read `pages` from number `first` on; return the number of the page that found the sink full.

    `pages` has rows (begin, end in `data`, begin and end of its address in `urls`); `positions` are their places in
    the file. `page` is room for one.
    """
    state = sink.state
    for number in range(first, len(pages)):
        url, url_end = pages[number, 2], pages[number, 3]
        for i in range(len(state)):
            page.start[i] = state[i]
        for i in range(len(page.found)):
            page.found[i, 0] = -1
        for i in range(len(page.lengths)):
            page.lengths[i] = 0
        for i in range(len(figures.state)):
            figures.state[i] = 0
        set_base(urls, url, url_end, page.base, page.base_parts)
        _scan_page(data, pages[number, 0], pages[number, 1], page, figures, sink)
        add_open_graph(data, page, sink)
        end_page(sink, page.start, positions[number], urls, url, url_end, page.texts, page.lengths)
        if state[FULL]:
            for i in range(len(state)):
                state[i] = page.start[i]
            return number
    return len(pages)
