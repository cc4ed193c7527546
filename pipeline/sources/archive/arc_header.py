"""The header line of an ARC record, the format of the Internet Archive's crawls until 2008. Compiled.

In: the bytes of a line. Out: where its URL ends and where its length begins. Version 1 and version 2, which has more
fields between type and length; a URL may hold spaces, as crawlers wrote it.

    URL IP-address date content-type length
    URL IP-address date content-type result-code checksum location offset filename length
"""

from schemas.kernels.compiled import leaf

_SPACE, _COLON, _POINT = 32, 58, 46
_MAX_SCHEME_BYTES = 16


@leaf
def _is_letter(byte):
    return 97 <= (byte | 32) <= 122


@leaf
def _is_date(data, begin, end):
    """Tell whether a word is a date such as ``20140216050221``."""
    if not 12 <= end - begin <= 18:
        return False
    for i in range(begin, end):  # noqa: SIM110 (numba compiles no generator)
        if not 48 <= data[i] <= 57:
            return False
    return True


@leaf
def _is_address(data, begin, end):
    """Tell whether a word is made like an IPv4 or IPv6 address."""
    parts = 0
    for i in range(begin, end):
        byte = data[i]
        if byte in (_COLON, _POINT):
            parts += 1
        elif not (48 <= byte <= 57 or 97 <= (byte | 32) <= 102):
            return False
    return parts > 1


@leaf
def arc_fields(data, begin, end):
    """Return (end of the URL, begin of the length) in the line ``data[begin:end]``; (0, 0) when it is no header."""
    scheme = begin
    while scheme < end and scheme - begin < _MAX_SCHEME_BYTES and data[scheme] not in (_COLON, _SPACE):
        scheme += 1
    if scheme >= end or data[scheme] != _COLON or not _is_letter(data[begin]):
        return 0, 0
    url_end = date_end = 0
    before = word = begin  # the word before, this word
    for i in range(scheme, end):
        if data[i] != _SPACE:
            continue
        if url_end == 0 and before > begin and _is_date(data, word, i) and _is_address(data, before, word - 1):
            url_end, date_end = before - 1, i
        before, word = word, i + 1
    if url_end == 0 or before <= date_end:  # behind the date at least a type and the length
        return 0, 0
    return url_end, word
