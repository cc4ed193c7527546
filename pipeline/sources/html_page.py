"""The HTML of one WARC response, in UTF-8: HTTP headers read, transfer and content encodings undone, text decoded.

In: a WARC record. Out: the page's bytes in UTF-8, or nothing for a response that is no HTML page.
"""

import io
import re

from fastwarc.warc import ArchiveIterator, WarcRecord
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

MAX_PAGE_BYTES = 32 << 20
"""Of a longer page the beginning is read: what a small compressed body becomes has no other bound."""
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_SNIFFED_BYTES = 1024
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-zA-Z0-9_.:-]{1,40})""", re.IGNORECASE)
"""The standard's "prescan a byte stream to determine its encoding", in short."""


class NotAPage(ValueError):
    """The response cannot be read."""


def read_page(record: bytes) -> bytes | None:
    """Return the HTML page in `record` (a whole WARC record) in UTF-8, None when it holds none.

    Raises `NotAPage` for a response whose HTTP headers or encodings are broken.
    """
    try:
        for found in ArchiveIterator(io.BytesIO(record), parse_http=True, auto_decode="all", stream_detect=False):
            return _page_of(found)
    except (OSError, ValueError, EOFError) as error:
        raise NotAPage(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    raise NotAPage("no record with HTTP headers")


def _page_of(record: WarcRecord) -> bytes | None:
    if record.http_headers is None:
        raise NotAPage("no HTTP headers")
    kind = (record.http_content_type or "").split(";")[0].strip().lower()
    if kind and kind not in _HTML_TYPES:
        return None
    body: bytes = record.reader.read(MAX_PAGE_BYTES)
    if not kind and b"<" not in body[:_SNIFFED_BYTES]:
        return None
    return to_utf8(body, record.http_charset)


def to_utf8(body: bytes, declared: str | None) -> bytes:
    """Return `body` in UTF-8: as it is where it is UTF-8, else from the declared encoding, else from a guessed one.

    What is declared is often wrong where the bytes are valid UTF-8 with more than ASCII in it, never the other way.
    """
    if b"\x1b" not in body and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return body
    found = _DECLARED.search(body[: 2 * _SNIFFED_BYTES])
    encoding = declared or (found.group(1).decode("ascii") if found else None)
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16-le" if body.startswith(b"\xff\xfe") else "utf-16-be"
    if not encoding or encoding.lower() in ("utf-8", "utf8"):
        # cut in mid-character or with a few bad bytes it is still UTF-8; text of another encoding has many
        head = body[: 16 * _SNIFFED_BYTES]
        bad = head.decode("utf-8", "replace").count("\ufffd")
        encoding = "utf-8" if 8 * bad < sum(byte >= 128 for byte in head) else detect_encoding(body) or "utf-8"
    text: str = bytes_to_str(body, map_encoding_to_html5(encoding) or "utf-8", errors="replace")
    return text.encode("utf-8", "replace")
