"""Records of WARC and ARC files in a buffer, found by their headers. Compiled.

In: bytes that hold records. Out: per record a row of numbers (`KIND` ...): where its content and its target's address
stand. A header that is none, and a record that is cut, are told by a status; reading goes on at the next line that
begins with ``WARC/`` or is the header of an ARC record.
"""

import numpy as np

from pipeline.sources.archive.arc_header import arc_fields
from schemas.kernels.byte_scan import find_either, is_at, is_at_any_case, trim
from schemas.kernels.compiled import kernel, leaf

STATUS, START, BEGIN, END, URL_BEGIN, URL_END, KIND, PIECE = range(8)
"""Columns of a record: status, where its header begins, its content, its target URI, its kind, the piece it is in."""
WHOLE, MALFORMED, CUT = range(3)
"""Status of a record."""
(
    OTHER, RESPONSE, JSON_METADATA, METADATA, WARCINFO, REQUEST, REVISIT, RESOURCE, CONVERSION, CONTINUATION,
) = range(10)  # fmt: skip
"""Kind of a record: its WARC-Type; metadata of type JSON is what WAT files are made of."""
_MAX_HEADER_BYTES = 64 << 10
_COLON, _NEWLINE = 58, 10


@leaf
def _kind(data, begin, end):
    """Return the kind of a record by its WARC-Type."""
    if is_at_any_case(data, begin, end, b"response"):
        return RESPONSE
    if is_at_any_case(data, begin, end, b"request"):
        return REQUEST
    if is_at_any_case(data, begin, end, b"metadata"):
        return METADATA
    if is_at_any_case(data, begin, end, b"revisit"):
        return REVISIT
    if is_at_any_case(data, begin, end, b"warcinfo"):
        return WARCINFO
    if is_at_any_case(data, begin, end, b"resource"):
        return RESOURCE
    if is_at_any_case(data, begin, end, b"conversion"):
        return CONVERSION
    if is_at_any_case(data, begin, end, b"continuation"):
        return CONTINUATION
    return OTHER


@leaf
def _length(data, begin, end):
    """Return a number of bytes, -1 when it is none."""
    length = np.int64(0 if begin < end else -1)
    for i in range(begin, end):
        if not 48 <= data[i] <= 57 or length > 1 << 50:
            return np.int64(-1)
        length = length * 10 + data[i] - 48
    return length


@leaf
def _read_header(data, begin, end, row):
    """Fill `row` from the record at `begin`; return the position after it, of no meaning unless it is whole."""
    row[:] = 0
    row[START] = begin
    row[STATUS] = MALFORMED
    i = find_either(data, begin, end, _NEWLINE, _NEWLINE) + 1
    length = np.int64(-1)
    kind = OTHER
    json = False
    limit = min(end, begin + _MAX_HEADER_BYTES)
    while True:
        stop = find_either(data, i, limit, _NEWLINE, _NEWLINE)
        if stop >= limit:
            row[STATUS] = CUT if limit == end else MALFORMED
            return begin
        left, right = trim(data, i, stop)
        i = stop + 1
        if left == right:
            break
        colon = find_either(data, left, right, _COLON, _COLON)
        value, value_end = trim(data, colon + 1, right)
        if is_at_any_case(data, left, right, b"content-length:"):
            length = _length(data, value, value_end)
            if length < 0:
                return begin
        elif is_at_any_case(data, left, right, b"warc-type:"):
            kind = _kind(data, value, value_end)
        elif is_at_any_case(data, left, right, b"warc-target-uri:"):
            if value < value_end and data[value] == 60 and data[value_end - 1] == 62:  # <...>, as Wget writes it
                value, value_end = value + 1, value_end - 1
            row[URL_BEGIN], row[URL_END] = value, value_end
        elif is_at_any_case(data, left, right, b"content-type:"):
            json = is_at_any_case(data, value, value_end, b"application/json")
    if length < 0:
        return begin
    row[BEGIN], row[END] = i, i + length
    row[KIND] = JSON_METADATA if kind == METADATA and json else kind
    row[STATUS] = CUT if i + length > end else WHOLE
    return i + length


@leaf
def _read_arc_header(data, begin, end, row):
    """Fill `row` from the ARC record at `begin`; return the position after it, of no meaning unless it is whole."""
    row[:] = 0
    row[START] = begin
    row[STATUS] = MALFORMED
    stop = find_either(data, begin, min(end, begin + _MAX_HEADER_BYTES), _NEWLINE, _NEWLINE)
    _, right = trim(data, begin, stop)
    url_end, at_length = arc_fields(data, begin, right)
    if url_end == 0 or stop == end:
        return begin
    length = _length(data, at_length, right)
    if length < 0:
        return begin
    row[URL_BEGIN], row[URL_END] = begin, url_end
    row[BEGIN], row[END] = stop + 1, stop + 1 + length
    row[KIND] = WARCINFO if is_at_any_case(data, begin, url_end, b"filedesc:") else RESPONSE
    row[STATUS] = CUT if row[END] > end else WHOLE
    return row[END]


@leaf
def _next_start(data, position, end):
    """Return the next position after `position` where the line is the begin of a record, else `end`."""
    while position < end:
        position = find_either(data, position, end, _NEWLINE, _NEWLINE) + 1
        if is_at(data, position, end, b"WARC/"):
            return position
        stop = find_either(data, position, min(end, position + _MAX_HEADER_BYTES), _NEWLINE, _NEWLINE)
        if arc_fields(data, position, trim(data, position, stop)[1])[0]:
            return position
    return end


@leaf
def _may_be_completed(data, position, end):
    """Tell whether bytes after `end` may make what stands at `position` the begin of a record."""
    return end - position < _MAX_HEADER_BYTES and find_either(data, position, end, _NEWLINE, _NEWLINE) >= end


@kernel
def index_records(data, ends, at_end):
    """Return (rows of the records in ``data[ends[i]:ends[i + 1]]``, where the cut record of the last piece begins).

    Unless `at_end`, a record cut by the end of the last piece is left out: more bytes may complete it.
    """
    rows = np.zeros((64 + 2 * len(ends), 8), dtype=np.int64)
    count = 0
    for piece in range(len(ends) - 1):
        position, end = ends[piece], ends[piece + 1]
        last = piece == len(ends) - 2
        while position < end:
            while position < end and data[position] <= 32:
                position += 1
            if position == end:
                break
            if count == len(rows):
                grown = np.zeros((2 * count, 8), dtype=np.int64)
                for i in range(count):
                    for column in range(rows.shape[1]):
                        grown[i, column] = rows[i, column]
                rows = grown
            row = rows[count]
            if is_at(data, position, end, b"WARC/"):
                after = _read_header(data, position, end, row)
            else:
                after = _read_arc_header(data, position, end, row)
            if (
                last
                and not at_end
                and (row[STATUS] == CUT or (row[STATUS] == MALFORMED and _may_be_completed(data, position, end)))
            ):
                return rows[:count].copy(), position
            row[PIECE] = piece
            count += 1
            position = after if row[STATUS] == WHOLE else _next_start(data, position, end)
    return rows[:count].copy(), ends[-1]
