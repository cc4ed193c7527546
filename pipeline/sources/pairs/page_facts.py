"""What a page says of itself: its language and its Creative Commons licence, compiled.

In: the text of a declaration or the target of a link. Out: bytes in the page's row of `texts`: row 0 the language as
its primary subtag in lower case (``en`` of ``en-US``), row 1 the licence as ``https://creativecommons.org/...``.
"""

import numpy as np

from schemas.kernels.byte_scan import is_at_any_case, trim
from schemas.kernels.compiled import leaf

LANGUAGE, LICENSE = 0, 1
MAX_FACT_BYTES = 256


def new_facts() -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays (texts, lengths) of a page's facts."""
    return np.zeros((2, MAX_FACT_BYTES), dtype=np.uint8), np.zeros(2, dtype=np.int64)


@leaf
def take_language(data, begin, end, texts, lengths):
    """Take a declared language unless one is known: two or three letters, then the end or a subtag."""
    if lengths[LANGUAGE]:
        return
    begin, end = trim(data, begin, end)
    size = 0
    while begin + size < end and 97 <= (data[begin + size] | 32) <= 122:
        size += 1
    if not 2 <= size <= 3:
        return
    if begin + size < end and data[begin + size] not in (45, 95, 44, 59, 32):  # - _ , ; space
        return
    for i in range(size):
        texts[LANGUAGE, i] = data[begin + i] | 32
    lengths[LANGUAGE] = size


@leaf
def take_license(data, begin, end, declared, texts, lengths):
    """Take the target of a link when it is a Creative Commons licence or public domain mark.

    The first stays, but one that the link's ``rel`` declares (`declared`) goes before one that is only linked.
    """
    if lengths[LICENSE] and not declared:
        return
    if begin < end and data[begin] <= 32:
        begin, end = trim(data, begin, end)
    if is_at_any_case(data, begin, end, b"https:"):
        begin += 6
    elif is_at_any_case(data, begin, end, b"http:"):
        begin += 5
    if not is_at_any_case(data, begin, end, b"//"):
        return
    begin += 2
    if is_at_any_case(data, begin, end, b"www."):
        begin += 4
    if not is_at_any_case(data, begin, end, b"creativecommons.org/"):
        return
    path = begin + 20
    if not (is_at_any_case(data, path, end, b"licenses/") or is_at_any_case(data, path, end, b"publicdomain/")):
        return
    stop = path
    while stop < end and 32 < data[stop] < 127 and data[stop] not in (63, 35, 34, 92):
        stop += 1
    size = 8 + stop - begin
    if size > MAX_FACT_BYTES:
        return
    prefix = b"https://"
    for i in range(8):
        texts[LICENSE, i] = prefix[i]
    for i in range(begin, stop):
        byte = data[i]
        texts[LICENSE, 8 + i - begin] = byte | 32 if i < path and 65 <= byte <= 90 else byte
    lengths[LICENSE] = size
