"""The HTML of one stored answer, in UTF-8: head read, transfer and content codings undone, text decoded.

In: what a crawler stored of an answer. Out: the page's bytes in UTF-8, or why it is no page. Whether an answer that
tells no type is HTML is decided as the MIME Sniffing standard has it (7.1), with one thing more: what a browser would
show as plain text is read when a tag stands in its first bytes, because here no user is at risk of its scripts.
"""

import codecs
import re
from dataclasses import dataclass

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

from pipeline.http_answers.chunks import is_chunked, without_chunks
from pipeline.http_answers.codings import GZIP_MAGIC, TAG, decoded, is_binary, num_binary_bytes
from pipeline.http_answers.head import HTTP_BEGIN, MAX_HEAD_BYTES, Head, head_end, read_head

MAX_PAGE_BYTES = 32 << 20
"""Of a longer page the beginning is read: what a small compressed body becomes has no other bound."""
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_UNKNOWN_TYPES = ("unknown/unknown", "application/unknown")
"""What servers send that do not know; the standard takes them for no type."""
_SNIFFED_BYTES = 1445
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-zA-Z0-9_.:-]{1,40})""", re.IGNORECASE)
"""The standard's "prescan a byte stream to determine its encoding", in short."""
_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{1,40})")
_NO_HTML = (b"%PDF-", b"%!PS-Adobe-", b"{\\rtf")
_COUNTED_BYTES = 1 << 20
_WIDE_TAGS = {
    "utf-16-le": (re.compile(rb"<\0[a-zA-Z/!?]\0"), b"\xff\xfe"),
    "utf-16-be": (re.compile(rb"\0<\0[a-zA-Z/!?]"), b"\xfe\xff"),
}
"""What tags look like in UTF-16, and the byte order mark."""


class DamagedAnswer(ValueError):
    """What was stored cannot be read."""


@dataclass(frozen=True)
class Page:
    """A page."""

    body: bytes
    """HTML in UTF-8."""
    is_cut: bool
    """It ends early."""


def read_page(stored: bytes) -> Page | None:
    """Return the page in an answer that was stored with its HTTP head, None when it is no HTML.

    Raises `DamagedAnswer` when the body is what nobody told: packed in a way that the head does not name.
    """
    head, body = _head_and_body(stored)
    kind, charset = _type_of(head)
    if kind and kind not in _HTML_TYPES:
        return None
    body, is_cut = _without_chunks(body, "chunked" in head.listed("transfer-encoding"))
    codings = head.listed("content-encoding") + head.listed("transfer-encoding")
    if body.startswith(GZIP_MAGIC):  # never HTML, whatever the head has lost
        codings.append("gzip")
    found = decoded(body, codings, MAX_PAGE_BYTES)
    if not found.holds and is_binary(found.data) and not _is_text(found.data):
        raise DamagedAnswer(f"the body is not {', '.join(codings)}, as its head says, and no text")
    return _page(found.data, charset, is_cut or found.is_cut or found.is_too_large, is_known=bool(kind))


def read_headless(stored: bytes, kind: str) -> Page | None:
    """Return the page that was stored without an HTTP head (HTTP/0.9, or cut off by a tool), None when it is no HTML.

    `kind` is the type that the record has for it, empty when it has none.
    """
    known, charset = _type_of(Head(None, (0, 9), {"content-type": [kind]}, None))
    if known and known not in _HTML_TYPES:
        return None
    return _page(stored, charset, False, is_known=bool(known))


def _page(body: bytes, charset: str, is_cut: bool, is_known: bool) -> Page | None:
    is_cut = is_cut or len(body) > MAX_PAGE_BYTES
    body = body[:MAX_PAGE_BYTES]
    if not is_known and not looks_like_html(body):
        return None
    return Page(to_utf8(body, charset), is_cut)


def _head_and_body(stored: bytes) -> tuple[Head, bytes]:
    """Part head and body; interim answers (100 Continue, a proxy's 200) before them are passed over.

    Markup at the beginning of a line ends a head too: the empty line is missing.
    """
    while True:
        end = head_end(stored)
        markup = stored.find(b"\n<", 0, end if end >= 0 else MAX_HEAD_BYTES)
        if markup >= 0:
            end = markup + 1
        if end < 0 and len(stored) > MAX_HEAD_BYTES:
            raise DamagedAnswer(f"no empty line ends the HTTP head in {MAX_HEAD_BYTES:,} bytes")
        end = len(stored) if end < 0 else end
        head = read_head(stored[:end])
        stored = stored[end:]
        is_interim = head.status is not None and (head.status < 200 or not head.fields)
        begin = HTTP_BEGIN.match(stored) if is_interim else None
        if begin is None:
            return head, stored
        stored = stored[begin.end() :]


def _without_chunks(body: bytes, is_told: bool) -> tuple[bytes, bool]:
    """Take off chunks that are told, or that stand from the first to the last; tell whether the body ends early."""
    found, is_cut = without_chunks(body) if is_told or is_chunked(body) else (body, False)
    return (body, False) if is_cut and not is_told else (found, is_cut)


def _type_of(head: Head) -> tuple[str, str]:
    """Return (MIME type, charset) as the Fetch standard extracts them: the last type that is one; empty for none."""
    kind = charset = ""
    for value in head.fields.get("content-type", ()):
        for part in value.lower().split(","):
            essence = part.partition(";")[0].strip()
            if not _TYPE.fullmatch(essence) or essence == "*/*":
                continue
            named = _CHARSET.search(part)
            if essence != kind or named:
                charset = named.group(1) if named else ""
            kind = essence
    return ("" if kind in _UNKNOWN_TYPES else kind), charset


def looks_like_html(body: bytes) -> bool:
    """Tell whether a body without a type is HTML, as the head of this file says."""
    start = body[:_SNIFFED_BYTES]
    if _wide_encoding(start):
        start = to_utf8(start, "")
    if is_binary(start) or start.startswith(_NO_HTML):
        return False
    if start.lstrip().startswith(b"<?xml"):
        return b"<html" in start.lower()
    return TAG.search(start) is not None


def _is_text(body: bytes) -> bool:
    """Tell whether `body`, which has binary data bytes, is text with a few of them by chance, and not packed.

    Of what is packed they are a ninth, and it is no UTF-8.
    """
    if _wide_encoding(body):
        return True
    start = body[:_COUNTED_BYTES]
    num_binary = num_binary_bytes(start)
    if 20 * num_binary < len(start) and TAG.search(start):
        return True
    return 2 * num_binary < len(start) and _is_utf8(start, is_cut=True)


def to_utf8(body: bytes, declared: str) -> bytes:
    """Return `body` in UTF-8: as it is where it is UTF-8, else from the declared encoding, else from a guessed one.

    What is declared is often wrong where the bytes are valid UTF-8 with more than ASCII in it, never the other way.
    UTF-16 shows in its tags, and only there: to UTF-8 its zeros are characters, and what is declared may be wrong.
    """
    encoding = _wide_encoding(body)
    if encoding is None:
        if b"\x1b" not in body and _is_utf8(body):
            return body
        encoding = _narrow_encoding(body, declared)
    text: str = bytes_to_str(body, encoding, errors="replace")
    return text.encode("utf-8", "replace")


def _is_utf8(body: bytes, is_cut: bool = False) -> bool:
    try:
        codecs.utf_8_decode(body, "strict", not is_cut)
    except UnicodeDecodeError:
        return False
    return True


def _wide_encoding(body: bytes) -> str | None:
    """Return which UTF-16 `body` is in, None when it is in none: by its byte order mark, else by most of its tags."""
    for name, (_, mark) in _WIDE_TAGS.items():
        if body.startswith(mark):
            return name
    start = body[:_COUNTED_BYTES]
    if b"\0" not in start:
        return None
    counts = {
        name: sum(found.start() % 2 == 0 for found in tag.finditer(start)) for name, (tag, _) in _WIDE_TAGS.items()
    }
    name = max(counts, key=counts.__getitem__)
    return name if counts[name] > sum(1 for _ in TAG.finditer(start)) else None


def _narrow_encoding(body: bytes, declared: str) -> str:
    """Return the encoding of what is neither UTF-8 throughout nor has the tags of UTF-16."""
    found = _DECLARED.search(body[: 2 * _SNIFFED_BYTES])
    encoding = declared or (found.group(1).decode("ascii") if found else "")
    known = (map_encoding_to_html5(encoding) if encoding else None) or "utf-8"
    if body.startswith(b"\xef\xbb\xbf") or (known in _WIDE_TAGS and TAG.search(body)):
        known = "utf-8"
    if known != "utf-8":
        return known
    # cut in mid-character or with a few bad bytes it is still UTF-8; text of another encoding has many
    head = body[: 16 * _SNIFFED_BYTES]
    bad = head.decode("utf-8", "replace").count("\ufffd")
    if 8 * bad < sum(byte >= 128 for byte in head):
        return "utf-8"
    return map_encoding_to_html5(detect_encoding(body) or "utf-8") or "utf-8"
