"""Relative references of a page to absolute URLs, compiled; as browsers resolve them (WHATWG URL), http(s) only.

In: the bytes of a reference, and the base (`set_base`). Out: the URL's bytes, or why there is none. White space around
is cut, line ends and tabs inside too, a space becomes ``%20``, a backslash before the query a slash; dots in the path
of a relative reference are resolved, an absolute URL stays as written. The work is linear in the bytes.
"""

import numpy as np

from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import is_at_any_case, trim
from schemas.kernels.compiled import leaf

NO_REFERENCE, NOT_HTTP, DATA_URL, NO_SPACE = -1, -2, -3, -4
"""What `resolve` returns in place of an end: nothing refers to a resource, another scheme, ``data:``, output full."""

BASE_LENGTH, BASE_SCHEME, BASE_HOST, BASE_FOLDER, BASE_PATH = range(5)
"""Ends of the parts of a base: ``https:`` | ``//host`` | ``/folder/`` | ``page`` | ``?query``."""
MAX_BASE_BYTES = 4096
"""A longer base is not used: the addresses made with it would all be too long."""

_SLASH, _QUESTION, _HASH, _BACKSLASH, _COLON = 47, 63, 35, 92, 58


def empty_base() -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays (bytes, parts) that `set_base` fills."""
    return np.zeros(MAX_BASE_BYTES + 64, dtype=np.uint8), np.zeros(5, dtype=np.int64)


@leaf
def _is_http(data, begin, end):
    """Return the length of ``http:`` or ``https:`` where ``//`` follows it, else 0."""
    if is_at_any_case(data, begin, end, b"http://"):
        return 5
    if is_at_any_case(data, begin, end, b"https://"):
        return 6
    return 0


@leaf
def set_base(data, begin, end, base, parts):
    """Take the absolute URL ``data[begin:end]`` as base; a URL that is no base leaves none (length 0)."""
    begin, end = trim(data, begin, end)
    parts[:] = 0
    scheme = _is_http(data, begin, end)
    if scheme == 0 or end - begin > MAX_BASE_BYTES:
        return
    size = end - begin
    copy_bytes(data, begin, end, base, 0)
    host = scheme + 2
    while host < size and base[host] != _SLASH and base[host] != _QUESTION and base[host] != _HASH:
        host += 1
    path = host
    folder = host
    while path < size and base[path] != _QUESTION and base[path] != _HASH:
        path += 1
        if base[path - 1] == _SLASH:
            folder = path
    parts[BASE_LENGTH], parts[BASE_SCHEME], parts[BASE_HOST] = size, scheme, host
    parts[BASE_FOLDER], parts[BASE_PATH] = folder, path


@leaf
def resolve(data, begin, end, base, parts, out, position):
    """Write the URL that ``data[begin:end]`` refers to at ``out[position:]``; return its end, or one of the codes."""
    begin, end = trim(data, begin, end)
    if begin == end or data[begin] == _HASH:
        return NO_REFERENCE
    if len(out) - position < parts[BASE_LENGTH] + 3 * (end - begin) + 8:
        return NO_SPACE
    if _is_http(data, begin, end):
        return _write_reference(data, begin, end, out, position)
    stop = begin
    if 97 <= (data[begin] | 32) <= 122:
        while stop < end and (97 <= (data[stop] | 32) <= 122 or 48 <= data[stop] <= 57 or data[stop] in (43, 45, 46)):
            stop += 1
        if stop < end and data[stop] == _COLON:
            return DATA_URL if is_at_any_case(data, begin, end, b"data:") else NOT_HTTP
    if parts[BASE_LENGTH] == 0:
        return NOT_HTTP
    first = data[begin]
    slash = first in (_SLASH, _BACKSLASH)
    if slash and begin + 1 < end and (data[begin + 1] == _SLASH or data[begin + 1] == _BACKSLASH):
        return _write_reference(data, begin, end, out, copy_bytes(base, 0, parts[BASE_SCHEME], out, position))
    kept = parts[BASE_HOST] if slash else parts[BASE_PATH] if first == _QUESTION else parts[BASE_FOLDER]
    path = position + parts[BASE_HOST]
    write = copy_bytes(base, 0, kept, out, position)
    if kept == parts[BASE_HOST] and not slash and first != _QUESTION:
        out[write] = _SLASH
        write += 1
    written = _write_reference(data, begin, end, out, write)
    return written if first == _QUESTION else _resolve_dots(out, path, written)


@leaf
def _write_reference(data, begin, end, out, position):
    """Write a reference as browsers clean it: no line ends and tabs, spaces escaped, slashes in the path."""
    in_path = True
    for i in range(begin, end):
        byte = data[i]
        if byte == 32 or byte == 127:
            out[position] = 37
            out[position + 1] = 50 if byte == 32 else 55
            out[position + 2] = 48 if byte == 32 else 70
            position += 3
        elif byte > 32:
            in_path = in_path and byte != _QUESTION and byte != _HASH
            out[position] = _SLASH if byte == _BACKSLASH and in_path else byte
            position += 1
    return position


@leaf
def _resolve_dots(out, path, end):
    """Resolve ``.`` and ``..`` in place in the path that begins (with a slash) at `path`; return the new end."""
    stop = path
    while stop < end and out[stop] != _QUESTION and out[stop] != _HASH:
        stop += 1
    write, read = path, path
    while read < stop:
        segment = read + 1
        after = segment
        while after < stop and out[after] != _SLASH:
            after += 1
        size = after - segment
        one = size == 1 and out[segment] == 46
        two = size == 2 and out[segment] == 46 and out[segment + 1] == 46
        if two:
            while write > path:  # each byte is given back once: linear
                write -= 1
                if out[write] == _SLASH:
                    break
        if one or two:
            if after == stop:
                out[write] = _SLASH
                write += 1
        else:
            for i in range(read, after):
                out[write] = out[i]
                write += 1
        read = after
    for i in range(stop, end):
        out[write] = out[i]
        write += 1
    return write
