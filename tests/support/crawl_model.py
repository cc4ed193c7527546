"""What collect must find in crawl files, told by other means: warcio, html.parser, json, re, hashlib.

In: WARC and WAT files. Out: their pages with images and texts, and from these the candidates and counts by definition.
"""

import hashlib
import json
import re
import unicodedata
import zlib
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from warcio.archiveiterator import ArchiveIterator

_LATE = (
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-echo", "data-url", "data-img-src", "data-ll-src",
)  # fmt: skip
_CODECS = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}
"""What browsers take for the names that pages declare."""
_TRACKERS = ("hm.baidu.com", "mc.yandex.ru", "counter.yadro.ru", "doubleclick.net")
_SPACER = re.compile(r"/(pixel|spacer|blank|1x1|transparent|clear)\.(gif|png)$", re.IGNORECASE)


@dataclass
class CrawledPage:
    """One record: (url, text, where the text stood) of every pair, and the images that give none, by reason.

    Of a record that holds no page the reason is its own.
    """

    url: str
    position: int
    pairs: list[tuple[str, str, str]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, base: str, reference: str, texts: list[tuple[str, str]]) -> None:
        """Add an image with its (where, text)."""
        reference = reference.strip()
        if not reference or reference.startswith("#"):
            return
        if reference.lower().startswith("data:"):
            self.dropped["data_url"] += 1
            return
        address = urljoin(base, reference.replace("\n", "").replace(" ", "%20"))
        if not address.lower().startswith(("http://", "https://")):
            self.dropped["url_scheme"] += 1
            return
        found: dict[str, str] = {}
        for where, text in texts:
            if text.strip():
                found.setdefault(text.strip(), where)
        if not found:
            self.dropped["image_without_text"] += 1
        elif _is_tracking(address):
            self.dropped["tracking_pixel"] += len(found)
        else:
            self.pairs += [(address, text, where) for text, where in found.items()]


def _is_tracking(address: str) -> bool:
    parts = urlsplit(address)
    return bool(_SPACER.search(parts.path)) or any((parts.hostname or "").endswith(host) for host in _TRACKERS)


class _Html(HTMLParser):
    def __init__(self, page: CrawledPage) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.base = page.url
        self.graph: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found: dict[str, str] = {}
        for name, value in attrs:
            found.setdefault(name, value or "")
        if tag == "base" and self.base == self.page.url and "href" in found:
            self.base = urljoin(self.base, found["href"])
        elif tag == "meta" and "content" in found:
            self.graph.setdefault((found.get("property") or found.get("name", "")).lower(), found["content"])
        elif tag == "img":
            sizes = [found[name].strip() for name in ("width", "height") if name in found]
            if any(re.fullmatch(r"[01](px)?", size) for size in sizes):
                self.page.dropped["tracking_pixel"] += 1
                return
            late = next((found[name] for name in found if name in _LATE), "")
            reference = largest_of(found.get("srcset", "")) or late or found.get("src", "")
            self.page.add(self.base, reference, [(name, found.get(name, "")) for name in ("alt", "title")])


def largest_of(srcset: str) -> str:
    """Return the reference of the largest image of a plain ``srcset``."""
    candidates = [item.split() for item in re.split(r",\s+", srcset.strip()) if item.strip()]
    weights = [float(item[1][:-1]) if len(item) > 1 else 1.0 for item in candidates]
    return candidates[weights.index(max(weights))][0] if candidates else ""


def _decoded(body: bytes, content_type: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        pass
    declared = re.search(r"charset=([\w-]+)", content_type)
    inside = re.search(rb"charset=[\"']?([\w-]+)", body[:2000])
    name = (declared.group(1) if declared else inside.group(1).decode() if inside else "utf-8").lower()
    return body.decode(_CODECS.get(name, name), "replace")


def warc_pages(path: Path) -> list[CrawledPage]:
    """Return the records of a WARC file."""
    pages = []
    with path.open("rb") as raw:
        records = ArchiveIterator(raw)
        for record in records:
            kind = record.http_headers.get_header("Content-Type", "") if record.http_headers else ""
            body = record.content_stream().read()  # before its offset is asked for: that reads to the record's end
            page = CrawledPage(record.rec_headers.get_header("WARC-Target-URI"), records.get_record_offset())
            pages.append(page)
            if record.rec_type != "response":
                page.dropped[f"record_{record.rec_type}"] += 1
                continue
            if "html" not in kind:
                page.dropped["record_not_html" if record.http_headers else "record_not_http"] += 1
                continue
            reader = _Html(page)
            reader.feed(_decoded(body, kind))
            reader.close()
            _add_graph(page, reader.base, reader.graph)
    return pages


def wat_pages(path: Path) -> list[CrawledPage]:
    """Return the records of a WAT file."""
    pages = []
    with path.open("rb") as raw:
        records = ArchiveIterator(raw)
        for record in records:
            body = record.content_stream().read()
            page = CrawledPage(record.rec_headers.get_header("WARC-Target-URI"), records.get_record_offset())
            pages.append(page)
            if record.rec_type != "metadata":
                page.dropped[f"record_{record.rec_type}"] += 1
                continue
            payload = json.loads(body)["Envelope"]["Payload-Metadata"]
            html: dict[str, Any] = payload.get("HTTP-Response-Metadata", {}).get("HTML-Metadata", {})
            head = html.get("Head", {})
            base = urljoin(page.url, head.get("Base", ""))
            for link in html.get("Links", []):
                if link["path"] == "IMG@/src":
                    page.add(base, link["url"], [(name, link.get(name, "")) for name in ("alt", "title")])
            graph: dict[str, str] = {}
            for meta in head.get("Metas", []):
                if "content" in meta:
                    graph.setdefault((meta.get("property") or meta.get("name", "")).lower(), meta["content"])
            _add_graph(page, base, graph)
    return pages


def _add_graph(page: CrawledPage, base: str, graph: dict[str, str]) -> None:
    if "og:image" in graph:
        texts = [(name, graph.get(name, "")) for name in ("og:image:alt", "og:description")]
        page.add(base, graph["og:image"], texts)


def members(packed: bytes) -> list[tuple[int, bytes]]:
    """Return (offset, compressed bytes) of the members of a gzip file."""
    found = []
    offset = 0
    while offset < len(packed):
        reader = zlib.decompressobj(31)
        reader.decompress(packed[offset:])
        end = len(packed) - len(reader.unused_data)
        found.append((offset, packed[offset:end]))
        offset = end
    return found


def pair_id(url: str, caption: str) -> bytes:
    """Return the id of a pair, as the README defines it."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(":443" if parts.scheme.lower() == "https" else ":80").removesuffix(":")
    query = f"?{parts.query}" if parts.query else ""
    normalised = f"{parts.scheme.lower()}://{host}{parts.path or '/'}{query}"
    image = hashlib.blake2b(normalised.encode(), digest_size=16, person=b"wit.image.1").digest()
    return hashlib.blake2b(image + caption.encode(), digest_size=16, person=b"wit.pair.1").digest()


def queries_in(caption: str, queries: list[str]) -> list[int]:
    """Return the numbers of the queries (lower-case words, one space between) that stand in `caption`."""
    folded = unicodedata.normalize("NFKC", caption).casefold()
    words = " " + " ".join(re.findall(r"[^\W_]+", folded)) + " "
    return [number for number, query in enumerate(queries) if f" {query} " in words]


def candidates_of(pages: list[CrawledPage], queries: list[str]) -> tuple[dict[bytes, list[int]], dict[str, int]]:
    """Return the queries of each candidate by pair_id, and the counts of the manifest; nothing may be broken."""
    candidates: dict[bytes, list[int]] = {}
    counts: Counter[str] = Counter()
    for page in pages:
        counts["records"] += len(page.pairs) + sum(page.dropped.values())
        counts["dropped"] += sum(page.dropped.values())
        counts["archive_records"] += not any(reason.startswith("record_") for reason in page.dropped)
        for url, text, _ in page.pairs:
            caption = unicodedata.normalize("NFC", " ".join(text.split()))
            matched = queries_in(caption, queries)
            if not matched:
                counts["dropped"] += 1
                continue
            counts["matched_pairs"] += 1
            counts["matches"] += len(matched)
            pair = pair_id(url, caption)
            counts["duplicates"] += pair in candidates
            candidates[pair] = matched
    counts["candidates"] = len(candidates)
    return candidates, dict(counts)
