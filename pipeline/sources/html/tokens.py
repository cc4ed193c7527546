"""The tokens of HTML, compiled: attributes of a tag, and what is no tag stepped over as the standard's tokenizer does.

In: pages in UTF-8, a position. Out: the position after what stands there; the ranges of a tag's attributes by code.
Every byte is looked at once, whatever the page holds.
"""

import numpy as np

from pipeline.sources.html.names import attribute_code
from schemas.kernels.byte_scan import find_either, is_at
from schemas.kernels.compiled import inlined, leaf

LESS, GREATER, SLASH = 60, 62, 47
_EQUALS, _DOUBLE, _SINGLE, _DASH = 61, 34, 39, 45
IS_SPACE = np.isin(np.arange(256), [9, 10, 12, 13, 32])
"""White space of HTML, by byte."""
ENDS_TAG_NAME = IS_SPACE | np.isin(np.arange(256), [GREATER, SLASH])
_ENDS_NAME = ENDS_TAG_NAME | (np.arange(256) == _EQUALS)


@leaf
def read_attributes(data, position, end, wanted, attributes):
    """Read the attributes of a tag up to its ``>``; return the position after it, `end` for a tag that does not end.

    `attributes` gets the range of the first of each known name; without `wanted` they are only stepped over.
    """
    while position < end:
        byte = data[position]
        if byte == GREATER:
            return position + 1
        if IS_SPACE[byte] or byte == SLASH:
            position += 1
            continue
        name = position
        position += 1  # the first may be "=" (a parse error): then it belongs to the name
        while position < end:
            byte = data[position]
            if _ENDS_NAME[byte]:
                break
            position += 1
        name_end = position
        while position < end and IS_SPACE[data[position]]:
            position += 1
        begin = stop = position
        if position < end and data[position] == _EQUALS:
            position += 1
            while position < end and IS_SPACE[data[position]]:
                position += 1
            if position >= end:
                return end
            quote = data[position]
            if quote == _DOUBLE or quote == _SINGLE:  # noqa: SIM109
                begin = position + 1
                stop = find_either(data, begin, end, quote, quote)
                if stop >= end:
                    return end
                position = stop + 1
            else:
                begin = position
                while position < end and data[position] != GREATER and not IS_SPACE[data[position]]:
                    position += 1
                stop = position
        if wanted:
            code = attribute_code(data, name, name_end)
            if code >= 0 and attributes[code, 0] < 0:
                attributes[code, 0], attributes[code, 1] = begin, stop
    return end


@inlined
def end_of_comment(data, position, end):
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


@inlined
def end_of_raw_text(data, position, end, name, name_end):
    """Return the position of the end tag that closes the raw text element whose start tag's name is given."""
    size = name_end - name
    while True:
        position = find_either(data, position, end, LESS, LESS)
        if position + 2 + size >= end:
            return end
        if data[position + 1] == SLASH:
            same = True
            for i in range(size):
                if (data[position + 2 + i] | 32) != (data[name + i] | 32):
                    same = False
                    break
            after = data[position + 2 + size]
            if same and ENDS_TAG_NAME[after]:
                return position
        position += 1
