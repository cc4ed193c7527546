"""Text files that people wrote: bytes in, UTF-8 without a byte order mark out, and its lines with their numbers."""

import codecs
import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


def without_mark(raw: bytes) -> bytes:
    """Return text as UTF-8 without a byte order mark. UTF-16, as Windows writes it, is told by its mark.

    Text without a mark is returned as it is, and not checked to be UTF-8.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace").encode("utf-8", "replace")
    return raw.removeprefix(codecs.BOM_UTF8)


def numbered_lines(raw: bytes) -> list[tuple[int, bytes]]:
    """Return (number from 1, bytes without the line end) of each line; it may end as on Unix, Windows, old Macs."""
    return list(enumerate(_LINE_END.split(without_mark(raw)), start=1))
