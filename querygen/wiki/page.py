"""One page of a MediaWiki XML dump: the bytes of its element in, a `Page` out; and what the header says of the wiki.

No XML parser runs on the strangers' file and no entity is ever expanded but XML's own five and numbers.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

import numpy as np

from querygen.wiki.revision import PLAIN_TEXT, PROSE, WIKITEXT, main_text
from schemas.kernels.ascii import AMPERSAND, DOUBLE_QUOTE, GREATER, LESS, SEMICOLON, SINGLE_QUOTE, hexadecimal
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import leaf
from schemas.kernels.utf8 import write_character

MAX_PAGE_BYTES = 64 * 1024 * 1024
"""A longer page is a rejection. MediaWiki allows 2 MiB of wikitext; escaping makes it a few times longer."""

ENGLISH_NAMESPACES = {
    -2: "Media", -1: "Special", 1: "Talk", 2: "User", 3: "User talk", 4: "Wikipedia", 5: "Wikipedia talk",
    6: "File", 7: "File talk", 8: "MediaWiki", 9: "MediaWiki talk", 10: "Template", 11: "Template talk",
    12: "Help", 13: "Help talk", 14: "Category", 15: "Category talk", 100: "Portal", 101: "Portal talk",
    118: "Draft", 119: "Draft talk", 710: "TimedText", 711: "TimedText talk", 828: "Module", 829: "Module talk",
}  # fmt: skip
"""Understood in every wiki besides its own names (MediaWiki manual, "Namespace")."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page as it stands in its file."""

    title: str
    namespace: int
    redirect: str | None
    """Title of the page that this page redirects to."""
    text: bytes
    """Wikitext (or plain text) in UTF-8 as stored, XML escapes undone; not checked to be UTF-8."""
    position: int
    """Where the page begins: for plain XML the byte of the file, for bzip2 the byte of the file at which the block that
    holds its beginning begins, for other packings the byte of the unpacked XML (made UTF-8 when it is UTF-16), for a
    table the row."""
    is_plain: bool = False
    """Whether `text` is plain text already, no wikitext."""
    model: str = WIKITEXT
    """What kind of content the page is, as MediaWiki names it; `text` is empty where it is none of `PROSE`."""
    is_absent: bool = False
    """Whether the wiki has a text of this page that the source lacks: it was deleted, or the dump is one of stubs."""


@dataclass(frozen=True, kw_only=True)
class SiteInfo:
    """What the header of a dump says of its wiki."""

    namespaces: dict[int, tuple[str, ...]] = field(
        default_factory=lambda: {number: (name,) for number, name in ENGLISH_NAMESPACES.items()}
    )
    """Names by number, the article namespace left out."""
    main_page: str = "Main Page"
    language: str | None = None


def read_site_info(header: bytes) -> SiteInfo:
    """Return what `header` (the bytes before the first page) says; defaults for what it lacks."""
    namespaces = dict(SiteInfo().namespaces)
    for number, name in re.findall(rb'<namespace key="(-?\d{1,6})"[^>]{0,200}>([^<]{1,200})</namespace>', header):
        known = namespaces.get(int(number), ())
        namespaces[int(number)] = tuple(dict.fromkeys((*known, unescape(name).decode("utf-8", "replace"))))
    base = re.search(rb"<base>[^<]{0,300}/wiki/([^<]{1,300})</base>", header)
    language = re.search(rb'xml:lang="([A-Za-z0-9-]{1,40})"', header)
    return SiteInfo(
        namespaces=namespaces,
        main_page=plain_title(unquote(unescape(base.group(1)).decode("utf-8", "replace")))
        if base
        else SiteInfo().main_page,
        language=language.group(1).decode() if language else None,
    )


def plain_title(title: str) -> str:
    """Return a page title with underscores as spaces and a capital first letter, as MediaWiki stores it."""
    spaced = " ".join(title.replace("_", " ").split())
    capital = spaced[:1].upper()
    # MediaWiki keeps a letter whose capital is two (ß), and Georgian ones, whose capitals nobody writes.
    return capital + spaced[1:] if len(capital) == 1 and not "\u10d0" <= spaced[:1] <= "\u10ff" else spaced


def unescape(raw: bytes) -> bytes:
    """Undo XML's five named escapes and numeric ones, each once."""
    if b"&" not in raw:
        return raw
    out = np.empty(len(raw), dtype=np.uint8)  # no escape is shorter than what it stands for
    return out[: _unescape(np.frombuffer(raw, dtype=np.uint8), out)].tobytes()


@leaf
def _unescape(raw, out):
    """Write `raw` with its escapes undone to the front of `out`; return how many bytes that is."""
    one = np.uint64(1)  # unsigned, so that no index is tested for being negative: twice as fast
    size, place, length = np.uint64(len(raw)), np.uint64(0), np.uint64(0)
    while place < size:
        byte = raw[place]
        place += one
        if byte == AMPERSAND:
            code, end = _escape(raw, np.int64(place))
            if code >= 0:
                length = np.uint64(write_character(code, out, np.int64(length)))
                place = np.uint64(end)
                continue
        out[length] = byte
        length += one
    return length


@leaf
def _escape(raw, place):
    """Return (character, place behind it) of the escape whose ``&`` is before `place`; character -1 for none."""
    end = len(raw)
    if is_at(raw, place, end, b"lt;"):
        return LESS, place + 3
    if is_at(raw, place, end, b"gt;"):
        return GREATER, place + 3
    if is_at(raw, place, end, b"amp;"):
        return AMPERSAND, place + 4
    if is_at(raw, place, end, b"quot;"):
        return DOUBLE_QUOTE, place + 5
    if is_at(raw, place, end, b"apos;"):
        return SINGLE_QUOTE, place + 5
    if is_at(raw, place, end, b"#x"):
        return _number(raw, place + 2, end, 16, 6)
    if is_at(raw, place, end, b"#"):
        return _number(raw, place + 1, end, 10, 7)
    return -1, place


@leaf
def _number(raw, place, end, base, max_digits):
    """Return (character, place behind the ``;``) of the digits at `place`; character -1 when there is none."""
    code = np.int64(0)
    num_digits = 0
    while place < end and num_digits <= max_digits:
        digit = hexadecimal(raw[place])
        if digit < 0 or digit >= base:
            break
        code = code * base + digit
        num_digits += 1
        place += 1
    if num_digits == 0 or num_digits > max_digits or place >= end or raw[place] != SEMICOLON:
        return -1, place
    if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return -1, place
    return code, place + 1


def parse_page(raw: bytes, position: int) -> Page | None:
    """Return the page between ``<page>`` and ``</page>``, or None when it has no title or no revision text.

    Of several revisions the last is taken, of several slots the main one.
    """
    head_end = raw.find(b"<revision>")
    head = raw[:head_end] if head_end >= 0 else raw
    title = _element(head, b"<title>", b"</title>")
    main = main_text(raw, max(0, head_end))
    if not title or main is None:
        return None
    number = _element(head, b"<ns>", b"</ns>")
    redirect = _element(head, b'<redirect title="', b'"')
    try:
        return Page(
            title=unescape(title).decode(),
            namespace=int(number) if number is not None else 0,
            redirect=unescape(redirect).decode() if redirect is not None else None,
            text=unescape(main.escaped) if main.model in PROSE else b"",
            position=position,
            is_plain=main.model == PLAIN_TEXT,
            model=main.model,
            is_absent=main.is_absent,
        )
    except ValueError:
        return None


def _element(raw: bytes, opening: bytes, closing: bytes) -> bytes | None:
    start = raw.find(opening)
    if start < 0:
        return None
    end = raw.find(closing, start + len(opening))
    return raw[start + len(opening) : end] if end >= 0 else None
