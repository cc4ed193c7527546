"""The links and declarations of a WAT record: JSON objects of texts, compiled.

In: the position of an object. Out: the ranges of the texts that matter, or the position after it.
"""

import numpy as np

from pipeline.sources.wat.json_scan import (
    BACKSLASH,
    BROKEN,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    NAME,
    NAME_END,
    NEXT,
    next_member,
    skip_value,
)
from schemas.kernels.compiled import leaf
from schemas.kernels.lanes import load_word

PATH, URL, IMAGE_ALT, IMAGE_TITLE, REL, NAME_FIELD, PROPERTY, CONTENT, HTTP_EQUIV = range(9)
NUM_FIELDS = 9


def _word(name: str) -> np.uint64:
    """Return up to eight bytes of `name` as `load_word` loads them."""
    return np.uint64(int.from_bytes(name.encode()[:8], "little"))


_PATH_WORD, _URL_WORD, _ALT_WORD, _TITLE_WORD = _word("path"), _word("url"), _word("alt"), _word("title")
_REL_WORD, _NAME_WORD, _PROPERTY_WORD, _CONTENT_WORD = _word("rel"), _word("name"), _word("property"), _word("content")
_HTTP_EQUIV_WORD = _word("http-equiv")
_PATH_BEGIN, _URL_BEGIN, _I = _word('"path":"'), _word('","url":'), 73
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@leaf
def _field_row(data, begin, size):
    """Return the row of the field whose name stands at `begin`, -1 for one that is not read."""
    word = load_word(data, begin)
    if size < 8:
        word &= _ALL_BITS >> np.uint64(64 - 8 * size)
    if size == 3:
        return URL if word == _URL_WORD else IMAGE_ALT if word == _ALT_WORD else REL if word == _REL_WORD else -1
    if size == 4:
        return PATH if word == _PATH_WORD else NAME_FIELD if word == _NAME_WORD else -1
    if size == 5:
        return IMAGE_TITLE if word == _TITLE_WORD else -1
    if size == 7:
        return CONTENT if word == _CONTENT_WORD else -1
    if size == 8:
        return PROPERTY if word == _PROPERTY_WORD else -1
    return HTTP_EQUIV if size == 10 and word == _HTTP_EQUIV_WORD else -1


@leaf
def read_fields(data, position, end, quotes, walk, fields):
    """Read one object of texts; return the position after it. `fields` gets the ranges by `_field_row`, -1 for none."""
    for row in range(NUM_FIELDS):
        fields[row, 0] = -1
    position += 1
    while True:
        # as nearly all are written: a comma, "name":"text" without white space
        number = walk[NEXT]
        begin = quotes[number] + 1
        name_end = quotes[number + 1]
        value = quotes[number + 2] + 1
        at_name = position + 2 if data[position] == COMMA else position + 1
        if begin == at_name and value == name_end + 3 and data[name_end + 1] == COLON:
            size = name_end - begin
        else:
            value = next_member(data, position, end, quotes, walk)
            if value < 0 or walk[NAME] < 0:
                return value
            number = walk[NEXT] - 2
            if quotes[number + 2] != value:
                position = skip_value(data, value, end, quotes, walk)
                if position < 0:
                    return position
                continue
            value += 1
            begin, size = walk[NAME], walk[NAME_END] - walk[NAME]
        stop = quotes[number + 3]
        if stop >= end:
            return BROKEN
        walk[NEXT] = number + 4
        if 0 < size <= 10:
            row = _field_row(data, begin, size)
            if row >= 0:
                fields[row, 0], fields[row, 1] = value, stop
        position = stop + 1


@leaf
def may_be_license(data, begin, end):
    """Tell whether a link may go to creativecommons.org or www.creativecommons.org: nearly none does."""
    if begin < 0 or not 25 <= end - begin <= 512:
        return False
    host = begin
    if data[begin] | 32 == 104:  # http: or https:
        host += 5 if data[begin + 4] == COLON else 6
    for _ in range(2):  # // or \/\/
        host += data[host] == BACKSLASH
        if data[host] != 47:
            return False
        host += 1
    return data[host] | 32 in (99, 119)


@leaf
def skip_link(data, position, end, quotes, walk):
    """Return the position after a link that is no image's and no licence's, 0 for one that must be read.

    Nearly all links are written ``{"path":"A@/href","url":"...", more texts}``.
    """
    number = walk[NEXT]
    first = quotes[number]
    if first != position + 1 or load_word(data, first) != _PATH_BEGIN or data[first + 8] == _I:
        return 0
    close = quotes[number + 3]
    if load_word(data, close) != _URL_BEGIN or quotes[number + 6] != close + 8:
        return 0
    stop = quotes[number + 7]
    if may_be_license(data, close + 9, stop):
        return 0
    number += 8
    while stop + 1 < end:
        if data[stop + 1] == CLOSE_OBJECT:
            walk[NEXT] = number
            return stop + 2
        name_end = quotes[number + 1]
        if (
            data[stop + 1] != COMMA
            or quotes[number] != stop + 2
            or data[name_end + 1] != COLON
            or quotes[number + 2] != name_end + 2
        ):
            return 0
        stop = quotes[number + 3]
        number += 4
    return 0
