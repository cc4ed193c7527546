"""URLs as browsers read them: the text of a link in, the URL that is asked for out. Compiled.

As the WHATWG URL standard says: white space and control characters around are cut, tabs and line ends inside too;
behind the host a blank becomes ``%20``, other control characters likewise. All other bytes stay as they are. In the
scheme and the host nothing is mended: `schemas.identity.normalise_urls` refuses such a URL.
"""

import numpy as np
import pyarrow as pa

from schemas.arrow_types import buffer_of
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.compiled import unlocked

_BLANK, _DELETE, _PERCENT, _COLON, _SLASH, _QUESTION, _HASH = 32, 127, 37, 58, 47, 63, 35
_TAB, _NEWLINE, _RETURN = 9, 10, 13


def browser_urls(urls: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return `urls` (text, not checked for UTF-8) as browsers read them; nulls stay, and most columns as a whole."""
    column = one_chunk(urls)
    data, offsets = string_buffers(column)
    unfit = int(_count_unfit(data, offsets))
    if not unfit:
        return column
    out = np.empty(int(offsets[-1] - offsets[0]) + 2 * unfit, dtype=np.uint8)
    ends = np.zeros(len(offsets), dtype=np.int32)
    size = _write(data, offsets, out, ends)
    validity = None
    if column.null_count:
        validity = buffer_of(np.packbits(column.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(column), [validity, buffer_of(ends), buffer_of(out[:size])])


@unlocked
def _count_unfit(data, offsets):
    count = 0
    for i in range(offsets[0], offsets[-1]):
        count += (data[i] <= _BLANK) | (data[i] == _DELETE)
    return count


@unlocked
def _behind_host(data, begin, end):
    """Return where the path, query or fragment of a URL begins, `end` when nothing does."""
    i = begin
    while i + 2 < end and not (data[i] == _COLON and data[i + 1] == _SLASH and data[i + 2] == _SLASH):
        i += 1
    i += 3
    while i < end and data[i] != _SLASH and data[i] != _QUESTION and data[i] != _HASH:
        i += 1
    return min(i, end)


@unlocked
def _digit(number):
    return 48 + number if number < 10 else 55 + number


@unlocked
def _write(data, offsets, out, ends):
    size = 0
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        while begin < end and data[begin] <= _BLANK:
            begin += 1
        while begin < end and data[end - 1] <= _BLANK:
            end -= 1
        path = _behind_host(data, begin, end)
        for i in range(begin, end):
            byte = data[i]
            if byte in (_TAB, _NEWLINE, _RETURN):
                continue
            if i >= path and (byte <= _BLANK or byte == _DELETE):
                out[size] = _PERCENT
                out[size + 1] = _digit(byte >> 4)
                out[size + 2] = _digit(byte & 15)
                size += 3
            else:
                out[size] = byte
                size += 1
        ends[row + 1] = size
    return size
