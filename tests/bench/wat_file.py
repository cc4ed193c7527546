"""A WAT file in Common Crawl's layout, written by warcio from the HTML of real pages, by seed.

In: WARC files with HTML pages. Out: a ``.warc.wat.gz`` of a given decompressed size: per page the metadata records of
its request, response and metadata, as ia-web-commons writes them. Each page is another one: every word and number of a
page becomes another, the same one wherever it stands in that page, so that a page repeats itself as often as the
real one does, and no page repeats another.
"""

import json
import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.warcwriter import WARCWriter

_LINKS = {
    "a": ("href", ("target", "alt", "title", "rel", "hreflang", "type")),
    "img": ("src", ("alt", "title")),
    "iframe": ("src", ()),
    "input": ("src", ()),
    "source": ("src", ()),
    "area": ("href", ("rel",)),
}
"""Attribute of the address and those kept beside it, per tag (ExtractingParseObserver of ia-web-commons)."""
_TEXT_KEYS = ("text", "alt", "title", "content")
_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = re.compile(r"\d+")
_KEPT = ("jpg", "jpeg", "png", "gif", "html", "htm", "php")
"""Endings of addresses."""


class _Page(HTMLParser):
    """Gathers what a WAT record holds of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[dict[str, str]] = []
        self.head: dict[str, Any] = {"Metas": [], "Link": [], "Scripts": []}
        self._anchor: dict[str, str] | None = None
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value is not None}
        if tag == "meta":
            self.head["Metas"].append(
                {k: v for k, v in found.items() if k in ("name", "content", "http-equiv", "property")}
            )
        elif tag == "link" and "href" in found:
            self.head["Link"].append({"path": "LINK@/href", "url": found["href"], "rel": found.get("rel", "")})
        elif tag == "script" and "src" in found:
            self.head["Scripts"].append({"path": "SCRIPT@/src", "url": found["src"]})
        elif tag == "base" and "href" in found:
            self.head["Base"] = found["href"]
        elif tag == "html" and "lang" in found:
            self.head["Metas"].append({"name": "HTML@/lang", "content": found["lang"]})
        elif tag == "title":
            self._in_title = True
        elif tag in _LINKS and _LINKS[tag][0] in found:
            address, others = _LINKS[tag]
            link = {"path": f"{tag.upper()}@/{address}", "url": found[address]}
            link.update({name: found[name] for name in others if name in found})
            self.links.append(link)
            if tag == "a":
                self._anchor = link

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._anchor = None
        elif tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())[:128]
        if self._in_title and text:
            self.head["Title"] = text
        elif self._anchor is not None and text:
            self._anchor["text"] = text


def read_pages(archives: list[Path]) -> list[tuple[str, _Page]]:
    """Return (address, page) of the HTML responses in `archives`."""
    pages = []
    for path in archives:
        with path.open("rb") as raw:
            for record in ArchiveIterator(raw):
                headers = record.http_headers
                if record.rec_type != "response" or "html" not in (headers.get_header("Content-Type") or ""):
                    continue
                page = _Page()
                page.feed(record.content_stream().read().decode("utf-8", "replace"))
                if len(page.links) >= 10:
                    pages.append((record.rec_headers.get_header("WARC-Target-URI"), page))
    return pages


class _Variation:
    """Changes texts and addresses by seed."""

    def __init__(self, pages: list[tuple[str, _Page]], seed: int) -> None:
        self.choose = random.Random(seed)
        texts = [link.get(key, "") for _, page in pages for link in page.links for key in _TEXT_KEYS]
        self._of_page: dict[str, str] = {}
        self._words = sorted({word for text in texts for word in _WORD.findall(text)})

    def begin_page(self) -> None:
        """Forget what the words of the page before became."""
        self._of_page.clear()

    def text(self, text: str) -> str:
        return _WORD.sub(self._word, text)

    def address(self, address: str) -> str:
        if address.startswith(("javascript:", "data:", "#")):
            return address
        head, slash, tail = address.rpartition("/")
        return _NUMBER.sub(self._number, head + slash + _WORD.sub(self._ascii_word, tail))

    def host(self) -> str:
        return f"www.{self._ascii_word(None)}-{self.choose.randrange(10**5)}.com"

    def _drawn(self) -> str:
        word: str = self._words[int(self.choose.random() * len(self._words))]
        return word

    def _word(self, match: re.Match[str]) -> str:
        found = match.group()
        if found not in self._of_page:
            self._of_page[found] = self._drawn()
        return self._of_page[found]

    def _ascii_word(self, match: re.Match[str] | None) -> str:
        if match is None:
            return self._ascii(self._drawn())
        found = match.group()
        return found if found in _KEPT else self._ascii(self._word(match))

    def _ascii(self, word: str) -> str:
        return "".join(chr(97 + ord(letter) % 26) for letter in word)

    def _number(self, match: re.Match[str]) -> str:
        found = match.group()
        if found not in self._of_page:
            self._of_page[found] = str(int(self.choose.random() * 10 ** min(len(found), 12)))
        return self._of_page[found]


def _envelope(kind: str, payload: dict[str, Any], address: str, number: int) -> bytes:
    value = {
        "Container": {
            "Filename": "CC-MAIN-20240517233122-20240518023122-00000.warc.gz", "Compressed": True,
            "Offset": str(number * 31_337), "Gzip-Metadata": {
                "Deflate-Length": str(number % 9973), "Header-Length": "10", "Footer-Length": "8",
                "Inflated-CRC": str(number * 2_654_435_761 % 2**32), "Inflated-Length": str(number % 99_991)},
        },
        "Envelope": {
            "Payload-Metadata": payload, "Format": "WARC/1.0", "WARC-Header-Length": "357",
            "WARC-Header-Metadata": {
                "WARC-Type": kind, "WARC-Date": "2024-05-18T01:58:10Z", "WARC-Record-ID": f"<urn:uuid:{number:032x}>",
                "Content-Length": "265", "Content-Type": f"application/http; msgtype={kind}",
                "WARC-IP-Address": "208.80.154.224", "WARC-Target-URI": address},
        },
    }  # fmt: skip
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _bodies(pages: list[tuple[str, _Page]], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield (address, JSON) of the records of endless pages."""
    vary = _Variation(pages, seed)
    number = 0
    while True:
        _, page = pages[number % len(pages)]
        vary.begin_page()
        address = f"https://{vary.host()}/{vary.address('archive/2024/05/page-1234.html')}"
        links = []
        for link in page.links:
            made = {"path": link["path"], "url": vary.address(link["url"])}
            made.update({key: vary.text(value) for key, value in link.items() if key not in made})
            links.append(made)
        metas = [{k: vary.text(v) if k == "content" else v for k, v in meta.items()} for meta in page.head["Metas"]]
        head = page.head | {"Title": vary.text(page.head.get("Title", "")), "Metas": metas}
        request = {"Actual-Content-Type": "application/http; msgtype=request", "HTTP-Request-Metadata": {
            "Request-Message": {"Method": "GET", "Path": "/" + address.split("/", 3)[3], "Version": "HTTP/1.1"},
            "Headers": {"User-Agent": "CCBot/2.0 (https://commoncrawl.org/faq/)"}}}  # fmt: skip
        response = {"Actual-Content-Type": "application/http; msgtype=response", "HTTP-Response-Metadata": {
            "Response-Message": {"Status": "200", "Version": "HTTP/1.1", "Reason": "OK"},
            "Headers": {"Content-Type": "text/html; charset=UTF-8", "Server": "nginx", "Content-Length": str(number)},
            "HTML-Metadata": {"Head": head, "Links": links}, "Entity-Length": str(number)}}  # fmt: skip
        metadata = {"Actual-Content-Type": "application/metadata-fields", "WARC-Metadata-Metadata": {
            "Metadata-Records": [{"Name": "fetchTimeMs", "Value": str(number % 997)},
                                 {"Name": "languages-cld2", "Value": '{"reliable":true}'}]}}  # fmt: skip
        for kind, payload in (("request", request), ("response", response), ("metadata", metadata)):
            yield address, _envelope(kind, payload, address, 3 * number)
        number += 1


def write_wat(path: Path, archives: list[Path], num_bytes: int, seed: int = 0) -> None:
    """Write a WAT file of at least `num_bytes` decompressed bytes to `path`."""
    pages = read_pages(archives)
    if not pages:
        raise ValueError(f"no HTML pages in {archives}")
    written = 0
    with path.open("wb") as raw:
        writer = WARCWriter(raw, gzip=True)
        for address, body in _bodies(pages, seed):
            record = writer.create_warc_record(
                address, "metadata", payload=BytesIO(body), length=len(body), warc_content_type="application/json"
            )
            writer.write_record(record)
            written += len(body) + 400  # about the size of the header
            if written >= num_bytes:
                return
