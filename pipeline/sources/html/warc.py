"""WARC and ARC files: the HTML of web pages, as Common Crawl, Heritrix or Wget store it.

In: WARC or ARC files. Out: a pair per image and different text: alt, title, ``data-*`` captions, figcaption, and
``og:image`` with its description. The image is the largest of ``srcset`` and ``<picture>``, else the one loaded late
(``data-src``), else ``src``. Records that hold no page are counted by kind.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.http_answers.head import HTTP_BEGIN
from pipeline.http_answers.raw_address import percent_encoded
from pipeline.sources.archive.record_index import BEGIN, END, KIND, RESPONSE, START, URL_BEGIN, URL_END
from pipeline.sources.archive.record_kinds import NOT_HTML, NOT_HTTP, RecordCounts
from pipeline.sources.archive.records import Records, read_archive
from pipeline.sources.html.figures import new_figures
from pipeline.sources.html.images import new_page
from pipeline.sources.html.page import DamagedAnswer, read_headless, read_page
from pipeline.sources.html.scan import scan_html
from pipeline.sources.pairs.gathered import Gathered
from pipeline.sources.source import Broken, Dropped, InputSplit, Read, WholeFiles
from schemas.kernels.byte_scan import PADDING

BATCH_BYTES = 4 << 20
"""HTML scanned at once."""
_CONTENT_TYPE = re.compile(rb"\ncontent-type[ \t]*:([^\r\n]*)", re.IGNORECASE)


class Warc(WholeFiles):
    """WARC and ARC files, one split each."""

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped | Read]:
        pairs = Gathered()
        scanner = _Scanner(pairs)
        counts = RecordCounts()
        for item in read_archive(split.path, split.file_bytes):
            if isinstance(item, Broken):
                yield item
                continue
            counts.add_all_but(RESPONSE, item.rows)
            for found in _pages(item, counts):
                if isinstance(found, Broken):
                    yield found
                else:
                    yield from scanner.add(*found)
        yield from scanner.scan()
        yield from pairs.take(False, at_end=True)
        yield from pairs.dropped()
        yield from counts.items()


def _pages(item: Records, counts: RecordCounts) -> Iterator[tuple[bytes, bytes, int] | Broken]:
    """Yield (page in UTF-8, its address, position) of the responses among the records; the others are counted."""
    data = memoryview(item.data)  # type: ignore[arg-type]
    for number in np.flatnonzero(item.rows[:, KIND] == RESPONSE).tolist():
        row = item.rows[number].tolist()
        stored = bytes(data[row[BEGIN] : row[END]])
        try:
            http = HTTP_BEGIN.match(stored)
            if http:
                page = read_page(stored[http.end() :])
            else:
                kind = _record_type(bytes(data[row[START] : row[BEGIN]]))
                page = read_headless(stored, kind)
                if page is None and kind:
                    counts.add_left_out(NOT_HTTP)
                    continue
        except DamagedAnswer as error:
            yield Broken("record_malformed", int(item.positions[number]), str(error))
            continue
        if page is None:
            counts.add_left_out(NOT_HTML)
            continue
        counts.add_read(1, page.is_cut)
        if page.body:
            yield page.body, _address(bytes(data[row[URL_BEGIN] : row[URL_END]])), int(item.positions[number])


def _record_type(header: bytes) -> str:
    """Return the type that a record has for what was not stored as HTTP, empty when it says HTTP or nothing."""
    if header.startswith(b"WARC/"):
        found = _CONTENT_TYPE.search(header)
        kind = found.group(1).strip() if found else b""
    else:  # ARC: URL, address, date, type ...
        words = header.split()
        kind = next((words[number + 1] for number, word in enumerate(words[:-1]) if _is_date(word)), b"")
    return "" if kind.lower().startswith((b"application/http", b"no-type")) else kind.decode("latin-1")


def _is_date(word: bytes) -> bool:
    return word.isdigit() and len(word) >= 12


def _address(url: bytes) -> bytes:
    """Return a page's address as text: crawlers stored what stood in links, in any encoding."""
    try:
        url.decode("utf-8")
    except UnicodeDecodeError:
        return percent_encoded(url).encode()
    return url


class _Scanner:
    """Gathers pages until there are enough to scan."""

    def __init__(self, pairs: Gathered) -> None:
        self._pairs = pairs
        self._figures = new_figures()
        self._pages: list[bytes] = []
        self._urls: list[bytes] = []
        self._positions: list[int] = []
        self._size = 0

    def add(self, page: bytes, url: bytes, position: int) -> Iterator[pa.Table]:
        self._pages.append(page)
        self._urls.append(url)
        self._positions.append(position)
        self._size += len(page)
        if self._size >= BATCH_BYTES:
            yield from self.scan()

    def scan(self) -> Iterator[pa.Table]:
        """Yield the pairs of the pages gathered."""
        if not self._pages:
            return
        pages, page_ends = _joined(self._pages)
        urls, url_ends = _joined(self._urls)
        rows = np.stack([page_ends[:-1], page_ends[1:], url_ends[:-1], url_ends[1:]], axis=1)
        positions = np.array(self._positions, dtype=np.int64)
        page = new_page(max(map(len, self._pages)))
        number = 0
        while number < len(rows):
            number = scan_html(pages, rows, urls, positions, number, self._pairs.sink, page, self._figures)
            yield from self._pairs.take(number < len(rows))
        self._pages, self._urls, self._positions, self._size = [], [], [], 0


def _joined(pieces: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return `pieces` one after the other, with `PADDING`, and their ends after a 0.

    Writable like all the scanner's arrays: for others numba would compile every kernel once more.
    """
    data = np.frombuffer(bytearray().join([*pieces, bytes(PADDING)]), dtype=np.uint8)
    return data, np.cumsum([0, *map(len, pieces)], dtype=np.int64)
