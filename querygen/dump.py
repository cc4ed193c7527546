"""Read a MediaWiki XML dump: the pages of one file, in order, in bounded memory.

In: a ``.xml``, ``.bz2`` (one stream or many), ``.gz`` or ``.xz`` file, by path or fsspec URL. Out: `Page` records, the
`SiteInfo` of the header, and rejections. A dump escapes every ``<`` of its text, so ``<page>`` and
``</page>`` are found as bytes; no XML parser runs on the strangers' file and no entity is ever expanded.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import fsspec

from querygen.packed import BROKEN_DATA, FileTruncated, decompress

MAX_PAGE_BYTES = 64 * 1024 * 1024
"""A longer page is a rejection. MediaWiki allows 2 MiB of wikitext; escaping makes it a few times longer."""
MAX_HEADER_BYTES = 1024 * 1024

Rejection = tuple[str, str, int, str | bytes | None]
"""(reason, source_file, position, value), see `schemas.rejection`."""

ENGLISH_NAMESPACES = {
    -2: "Media", -1: "Special", 1: "Talk", 2: "User", 3: "User talk", 4: "Wikipedia", 5: "Wikipedia talk",
    6: "File", 7: "File talk", 8: "MediaWiki", 9: "MediaWiki talk", 10: "Template", 11: "Template talk",
    12: "Help", 13: "Help talk", 14: "Category", 15: "Category talk", 100: "Portal", 101: "Portal talk",
    118: "Draft", 119: "Draft talk", 710: "TimedText", 711: "TimedText talk", 828: "Module", 829: "Module talk",
}  # fmt: skip
"""Understood in every wiki besides its own names (MediaWiki manual, "Namespace")."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page as it stands in the dump."""

    title: str
    namespace: int
    redirect: str | None
    """Title of the page that this page redirects to."""
    text: bytes
    """Wikitext in UTF-8 as stored, XML escapes undone; not checked to be UTF-8."""
    position: int
    """Offset of ``<page>`` in the uncompressed XML (made UTF-8 when the file is UTF-16)."""
    is_plain: bool = False
    """Whether `text` is plain text already, no wikitext."""


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
    return spaced[:1].upper() + spaced[1:]


def unescape(raw: bytes) -> bytes:
    """Undo XML's five named escapes and numeric ones, each once."""
    if b"&" not in raw:
        return raw
    raw = raw.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"').replace(b"&apos;", b"'")
    if b"&#" in raw:
        raw = re.sub(rb"&#(?:([0-9]{1,7})|x([0-9a-fA-F]{1,6}));", _character, raw)
    return raw.replace(b"&amp;", b"&")


def _character(match: re.Match[bytes]) -> bytes:
    code = int(match.group(1)) if match.group(1) else int(match.group(2), 16)
    if code in range(0xD800, 0xE000) or code > 0x10FFFF:
        return match.group(0)
    # An ampersand stays escaped here because `unescape` undoes &amp; last.
    return b"&amp;" if code == 38 else chr(code).encode()


def parse_page(raw: bytes, position: int) -> Page | None:
    """Return the page between ``<page>`` and ``</page>``, or None when it has no title or no revision text.

    Of several revisions the last is taken.
    """
    title = _element(raw, b"<title>", b"</title>")
    if not title:
        return None
    number = _element(raw, b"<ns>", b"</ns>")
    redirect = _element(raw, b'<redirect title="', b'"')
    opening = raw.rfind(b"<text")
    end = raw.find(b">", opening) if opening >= 0 else -1
    if end < 0:
        return None
    if raw[end - 1 : end] == b"/":
        text = b""
    else:
        closing = raw.find(b"</text>", end)
        if closing < 0:
            return None
        text = unescape(raw[end + 1 : closing])
    try:
        return Page(
            title=unescape(title).decode(),
            namespace=int(number) if number is not None else 0,
            redirect=unescape(redirect).decode() if redirect is not None else None,
            text=text,
            position=position,
        )
    except ValueError:
        return None


def _element(raw: bytes, opening: bytes, closing: bytes) -> bytes | None:
    start = raw.find(opening)
    if start < 0:
        return None
    end = raw.find(closing, start + len(opening))
    return raw[start + len(opening) : end] if end >= 0 else None


class DumpFile:
    """The pages of one dump file; iterate once. `site`, `rejections` and `num_bytes` fill as it is read."""

    def __init__(self, path: str, name: str, progress: Callable[[int], Any] = lambda num_bytes: None) -> None:
        """`name` is what rejections call the file; `progress` is told the bytes read from it, compressed."""
        self.path = path
        self.name = name
        self.site = SiteInfo()
        self.rejections: list[Rejection] = []
        self.num_bytes = 0
        """Uncompressed XML bytes seen so far."""
        self._progress = progress

    def __iter__(self) -> Iterator[Page]:
        for position, raw in self._raw_pages():
            page = parse_page(raw, position)
            if page is None:
                self.rejections.append(("page_malformed", self.name, position, raw))
            else:
                yield page

    def _raw_pages(self) -> Iterator[tuple[int, bytes]]:
        buffer, start = b"", 0  # `start`: offset of buffer[0] in the XML
        scanned = 0  # no "</page>" in buffer[:scanned]
        header_done = skipping = closed = False
        damage: tuple[str, str] | None = None
        pieces = self._pieces()
        while True:
            try:
                piece = next(pieces)
            except StopIteration:
                break
            except FileTruncated as error:
                damage = ("file_truncated", str(error))
                break
            except BROKEN_DATA as error:
                damage = ("file_unreadable", f"{type(error).__name__} after {self.num_bytes} bytes of XML")
                break
            buffer += piece
            cursor = 0
            while True:
                if skipping:
                    end = buffer.find(b"</page>", cursor)
                    if end < 0:
                        cursor = max(cursor, len(buffer) - 16)
                        break
                    cursor, skipping = end + 7, False
                opening = buffer.find(b"<page>", cursor)
                if opening < 0:
                    closed = closed or b"</mediawiki>" in buffer[cursor:]
                    if not header_done and len(buffer) <= MAX_HEADER_BYTES:
                        break  # keep the header whole
                    header_done = True
                    cursor = max(cursor, len(buffer) - 16)
                    break
                if not header_done:
                    self.site = read_site_info(buffer[:opening])
                    header_done = True
                end = buffer.find(b"</page>", max(opening, scanned))
                if end < 0:
                    cursor = opening
                    if len(buffer) - opening > MAX_PAGE_BYTES:
                        self.rejections.append(
                            ("page_malformed", self.name, start + opening, buffer[opening : opening + 1000])
                        )
                        cursor, skipping = opening + 6, True
                        scanned = 0
                        continue
                    break
                yield start + opening, buffer[opening + 6 : end]
                cursor = end + 7
                scanned = 0
            buffer, start = buffer[cursor:], start + cursor
            scanned = max(0, len(buffer) - 6) if buffer.startswith(b"<page>") else 0
        if damage is not None:
            self.rejections.append((damage[0], self.name, start, damage[1]))
        elif not closed:
            self.rejections.append(("file_truncated", self.name, start, "no </mediawiki> at the end"))

    def _pieces(self) -> Iterator[bytes]:
        decoder: codecs.IncrementalDecoder | None = None
        with fsspec.open(self.path, "rb") as raw:
            for piece in decompress(raw, self._progress):
                if self.num_bytes == 0 and piece[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                    decoder = codecs.getincrementaldecoder("utf-16")("replace")
                self.num_bytes += len(piece)
                yield piece if decoder is None else decoder.decode(piece).encode("utf-8", "replace")
