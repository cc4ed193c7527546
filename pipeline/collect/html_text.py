"""Character references of HTML in texts that others took out of pages: undone, once. Compiled.

Tables made from crawls hold some texts as they stood in the page's source: ``AT&amp;T``, ``caf&eacute;``, and
``?w=1&amp;h=2``. In: Arrow columns of text, not checked for UTF-8. Out: the same with their references undone, as HTML
has it for an attribute's value; in URLs only those that end in ``;``.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import buffer_of
from schemas.buffers import string_buffers
from schemas.kernels.compiled import unlocked
from schemas.kernels.html_entities import plain_size, write_closed_html, write_html
from schemas.kernels.lanes import LANES, bytes_equal, first_bit

_HASH, _AMPERSAND, _SEMICOLON = 35, 38, 59


def without_references(texts: pa.Array, are_urls: bool) -> pa.Array:
    """Return `texts` with their references undone; nulls stay, and most columns as a whole."""
    data, offsets = string_buffers(texts)
    found = np.zeros(len(texts), dtype=np.bool_)
    if not _find_rows(data, offsets, _SEMICOLON if are_urls else _AMPERSAND, found):
        return texts
    rows = pa.array(np.flatnonzero(found))
    data, offsets = string_buffers(texts.take(rows))
    room = plain_size(int(offsets[-1] - offsets[0])) + 16 * len(rows)
    out, ends = np.empty(room, dtype=np.uint8), np.zeros(len(offsets), dtype=np.int32)
    size = _write(data, offsets, are_urls, out, ends)
    plain = pa.Array.from_buffers(pa.string(), len(rows), [None, buffer_of(ends), buffer_of(out[:size])])
    return pc.replace_with_mask(texts, pa.array(found), plain)


@unlocked
def _find_rows(data, offsets, byte, found):
    """Tell which texts have `byte`, which few have, and how many do.

    An ampersand counts where a reference may begin: before a letter or ``#``.
    """
    count = row = 0
    position, end = offsets[0], offsets[-1]
    while position < end:
        if position + LANES <= end:
            hits = bytes_equal(data, position, byte)
            if hits == np.uint64(0):
                position += LANES
                continue
            position += first_bit(hits)
        elif data[position] != byte:
            position += 1
            continue
        if byte == _AMPERSAND and position + 1 < end:
            follower = data[position + 1]
            if follower != _HASH and not 97 <= (follower | 32) <= 122:
                position += 1
                continue
        while offsets[row + 1] <= position:
            row += 1
        found[row] = True
        count += 1
        position = offsets[row + 1]
    return count


@unlocked
def _write(data, offsets, are_urls, out, ends):
    size = 0
    for row in range(len(offsets) - 1):
        if are_urls:
            size = write_closed_html(data, offsets[row], offsets[row + 1], out, size)
        else:
            size = write_html(data, offsets[row], offsets[row + 1], out, size, True)
        ends[row + 1] = size
    return size
