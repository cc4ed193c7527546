"""Images of a ``<figure>`` wait here for its ``<figcaption>``, which may stand before or after them. Compiled.

In: open and closed figures, their images, text of captions. Out: pairs in the `Sink` when the figure ends. Of one
figure the first `MAX_IMAGES` images get the caption: a gallery of hundreds is described by no text of its own.
"""

from collections import namedtuple

import numpy as np

from pipeline.sources.pairs.escapes import plain_size, write_html
from pipeline.sources.pairs.pair_sink import FULL, PLAIN_TEXT, ROWS, TEXT_SOURCES, URL_BYTES, WITHOUT_TEXT, add_text
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.compiled import leaf

MAX_DEPTH = 16
"""Figures within figures; deeper ones are taken for the one around them."""
MAX_IMAGES = 4
MAX_ADDRESS_BYTES = 8192
MAX_CAPTION_BYTES = 16_384
"""Of a longer caption the beginning is kept; it is longer than collect takes."""
_PIECE_BYTES = 8_192
"""Text between two tags is taken up to this size."""

DEPTH, EXCESS, IN_CAPTION = range(3)
"""Positions in ``state``: open figures, ends to ignore because they were too deep, whether a caption is open."""
_FIGCAPTION = TEXT_SOURCES.index("figcaption")

Figures = namedtuple("Figures", "state images urls captions caption_sizes piece")
"""``images``: count per figure, then first row, last row and length of
the address of each image."""


def new_figures() -> Figures:
    """Return room for the figures of a page; the scanner sets ``state`` to 0 at its begin."""
    return Figures(
        state=np.zeros(3, dtype=np.int64),
        images=np.zeros((MAX_DEPTH, 1 + 3 * MAX_IMAGES), dtype=np.int64),
        urls=np.zeros((MAX_DEPTH, MAX_IMAGES, MAX_ADDRESS_BYTES), dtype=np.uint8),
        captions=np.zeros((MAX_DEPTH, MAX_CAPTION_BYTES), dtype=np.uint8),
        caption_sizes=np.zeros(MAX_DEPTH, dtype=np.int64),
        piece=np.zeros(2 * _PIECE_BYTES, dtype=np.uint8),
    )


@leaf
def open_figure(figures, sink):
    """Begin a figure."""
    figures.state[IN_CAPTION] = 0
    if figures.state[DEPTH] == MAX_DEPTH:
        figures.state[EXCESS] += 1
        return
    level = figures.state[DEPTH]
    figures.images[level, 0] = 0
    figures.caption_sizes[level] = 0
    figures.state[DEPTH] = level + 1


@leaf
def add_figure_image(figures, sink, first_row, url_size):
    """Keep the image begun last, whose rows begin at `first_row`, for the caption; tell whether a figure took it."""
    level = figures.state[DEPTH] - 1
    if level < 0 or figures.images[level, 0] == MAX_IMAGES or url_size > MAX_ADDRESS_BYTES:
        return False
    number = figures.images[level, 0]
    rows = sink.state[ROWS]
    begin = sink.state[URL_BYTES] - (url_size if rows > first_row else 0)
    copy_bytes(sink.urls, begin, begin + url_size, figures.urls[level, number], 0)
    figures.images[level, 1 + 3 * number] = first_row
    figures.images[level, 2 + 3 * number] = rows
    figures.images[level, 3 + 3 * number] = url_size
    figures.images[level, 0] = number + 1
    return True


@leaf
def append_caption(figures, data, begin, end, separate):
    """Append text to the open caption, white space runs as one space; or, to `separate` words, a space."""
    if figures.state[IN_CAPTION] == 0 or figures.state[DEPTH] == 0:
        return
    level = figures.state[DEPTH] - 1
    size = figures.caption_sizes[level]
    caption = figures.captions[level]
    if separate:
        if 0 < size < MAX_CAPTION_BYTES and caption[size - 1] != 32:
            caption[size] = 32
            figures.caption_sizes[level] = size + 1
        return
    end = min(end, begin + _PIECE_BYTES)
    if begin >= end or plain_size(end - begin) > len(figures.piece):
        return
    stop = write_html(data, begin, end, figures.piece, 0, False)
    for i in range(stop):
        byte = figures.piece[i]
        if byte <= 32:
            if size == 0 or caption[size - 1] == 32:
                continue
            byte = np.uint8(32)
        if size == MAX_CAPTION_BYTES:
            break
        caption[size] = byte
        size += 1
    figures.caption_sizes[level] = size


@leaf
def close_figure(figures, sink):
    """End the innermost figure: its images and its caption become pairs."""
    figures.state[IN_CAPTION] = 0
    if figures.state[EXCESS] > 0:
        figures.state[EXCESS] -= 1
        return
    if figures.state[DEPTH] == 0:
        return
    level = figures.state[DEPTH] - 1
    figures.state[DEPTH] = level
    state = sink.state
    for number in range(figures.images[level, 0]):
        first, last = figures.images[level, 1 + 3 * number], figures.images[level, 2 + 3 * number]
        url_size = figures.images[level, 3 + 3 * number]
        row = state[ROWS]
        if figures.caption_sizes[level] > 0:
            if len(sink.urls) - state[URL_BYTES] < url_size:
                state[FULL] = 1
                return
            begin = state[URL_BYTES]
            copy_bytes(figures.urls[level, number], 0, url_size, sink.urls, begin)
            caption = figures.captions[level]
            size = figures.caption_sizes[level]
            add_text(sink, first, last, False, url_size, caption, 0, size, PLAIN_TEXT, _FIGCAPTION)
        if last == first and state[ROWS] == row and not state[FULL]:
            state[WITHOUT_TEXT] += 1
