"""Answers as crawlers stored them: every page gives its pairs, whatever its head says, and every record is counted."""

import contextlib
import gzip
import io
import zlib
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.sources.html import page as html_page
from pipeline.sources.html.page import DamagedAnswer, looks_like_html, read_headless, read_page
from tests.support.crawl_files import counted, packed, page_record, read, record

PAGE = b'<img src=a.jpg alt="a red cat">'
ADDRESS = "http://a.example/"
HTML = "Content-Type: text/html\r\n"
HTTP = "application/http; msgtype=response"


def gz(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def stream(codec: str, body: bytes) -> bytes:
    found: bytes = pa.compress(body, codec, asbytes=True)
    return found


def response(stored: bytes) -> bytes:
    return record("response", ADDRESS, HTTP, stored)


HEADS = {
    "LF": b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + PAGE,
    "LF, CR LF in the page": b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + PAGE + b"\r\n\r\n<p>",
    "CR LF, LF in the page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE + b"\n\n<p>",
    "CR LF, then LF": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\n" + PAGE,
    "LF, then CR LF": b"HTTP/1.1 200 OK\nContent-Type: text/html\n\r\n" + PAGE,
    "CR CR LF": b"HTTP/1.1 200 OK\r\r\nContent-Type: text/html\r\r\n\r\r\n" + PAGE,
    "LF and a declared encoding": b"HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Encoding: gzip\n\n" + PAGE,
    "LF and declared chunks": b"HTTP/1.1 200 OK\nContent-Type: text/html\nTransfer-Encoding: chunked\n\n" + PAGE,
    "lower case, no reason": b"http/1.0 200\r\ncontent-type:text/html\r\n\r\n" + PAGE,
    "HTTP/2": b"HTTP/2 200\r\ncontent-type: text/html\r\n\r\n" + PAGE,
    "ICY": b"ICY 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: deflate\r\n\r\n" + raw_deflate(PAGE),
    "ICY without a type": b"icy\t200\n\n" + PAGE,
    "100 Continue, empty lines": b"http/1.1 100 x\n\n\r\nhttp/1.1 200 OK\nContent-Encoding: gzip\n\n" + gz(PAGE),
    "empty lines before": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "a line without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "a NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "a space before the colon": b"HTTP/1.1 200 OK\r\nContent-Type : text/html\r\n\r\n" + PAGE,
    "a folded type": b"HTTP/1.1 200 OK\r\nContent-Type:\r\n text/html\r\n\r\n" + PAGE,
    "Latin-1": b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "a field of 100 KB": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "no status": b"HTTP/1.1 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "100 Continue before": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "a proxy's answer before": b"HTTP/1.0 200 Established\n\nHTTP/1.1 200 OK\nContent-Type: text/html\n\n" + PAGE,
    "a type with another one before": b"HTTP/1.1 200 OK\nContent-Type: */*\nContent-Type: text/html\n\n" + PAGE,
    "two types in a line": b"HTTP/1.1 200 OK\nContent-Type: text/plain, text/html; charset=utf-8\n\n" + PAGE,
    "a type in capitals": b"HTTP/1.1 200 OK\nCONTENT-TYPE: TEXT/HTML;CHARSET=UTF-8\n\n" + PAGE,
    "a type that is none": b"HTTP/1.1 200 OK\nContent-Type: html\n\n" + PAGE,
    "an empty type": b"HTTP/1.1 200 OK\nContent-Type:\n\n" + PAGE,
    "an unknown type": b"HTTP/1.1 200 OK\nContent-Type: unknown/unknown\n\n" + PAGE,
    "no type": b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + PAGE,
    "no field": b"HTTP/1.1 200 OK\r\n\r\n" + PAGE,
    "no head": PAGE,
    "no empty line": b"HTTP/1.1 200 OK\nContent-Type: text/html\n" + PAGE,
    "no empty line before the page": b"HTTP/1.1 200 OK\nContent-Type: text/html\n" + PAGE + b"\n\n<p>",
    "chunks that nobody told": b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n9\n"
    + PAGE[:9]
    + b"\n%x\n" % len(PAGE[9:])
    + PAGE[9:]
    + b"\n0\n\n",
    "gzip that nobody told": b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + gz(PAGE),
    "a length that is too short": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n" + PAGE,
    "an error": b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n" + PAGE,
}


@pytest.mark.parametrize("name", HEADS)
def test_a_page_is_read_whatever_its_head_is_like(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(packed([response(HEADS[name])]))
    rows, broken, drops = read(tmp_path / "a.warc.gz", "warc")
    assert [(row["url"], row["caption"]) for row in rows] == [("http://a.example/a.jpg", "a red cat")]
    assert (broken, drops) == ([], {})
    assert counted(tmp_path / "a.warc.gz") == (Counter(read=1), 1)


TOLD = [
    "Content-Encoding: gzip", "Content-Encoding: x-gzip", "Content-Encoding: GZIP", "Content-Encoding: deflate",
    "Content-Encoding: br", "Content-Encoding: zstd", "Content-Encoding: compress", "Content-Encoding: identity",
    "Content-Encoding: none", "Content-Encoding: UTF-8", "Content-Encoding:", "Content-Encoding: gzip, gzip",
    "Content-Encoding: gzip, br", "Content-Encoding: gzip\r\nContent-Encoding: deflate", "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: nonsense",
    "Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
]  # fmt: skip
BODIES = {
    "one image": PAGE, "text before": b"Words first. " + PAGE, "a mark": b"\xef\xbb\xbf\n" + PAGE,
    "Cyrillic": "\u043a\u043e\u0442 ".encode("cp1251") * 3 + PAGE, "Japanese": b"\x1b$B$\"\x1b(B" + PAGE,
    "a number": b"1\n2\n" + PAGE,
}  # fmt: skip


@pytest.mark.parametrize("told", TOLD, ids=[told.replace("\r\n", " + ") for told in TOLD])
def test_a_body_that_is_not_as_its_head_says_is_taken_as_it_stands(told: str, tmp_path: Path) -> None:
    records = [page_record(ADDRESS, body, f"{HTML}{told}\r\n") for body in BODIES.values()]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    assert counted(tmp_path / "a.warc") == (Counter(read=len(records)), len(records))


WITH_CONTROLS = {
    "a vertical tab": b"vertical\x0btab " + PAGE, "in a paragraph": b"<p>a\x0bb</p>" + PAGE, "\\b": b"\x08" + PAGE,
    "a NUL": b"a\0b" + PAGE, "a NUL in a tag": b"<p\0>" + PAGE, "many NULs": b"<p>" + b"\0a" * 300 + b"</p>" + PAGE,
    "Cyrillic": "\u043a\u043e\u0442 ".encode("cp1251") * 30 + b"\x0b" + PAGE, "UTF-8": "\u732b\x01".encode() + PAGE,
}  # fmt: skip


@pytest.mark.parametrize("told", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br"])
def test_a_page_with_control_bytes_is_taken_as_it_stands_when_its_coding_is_gone(told: str, tmp_path: Path) -> None:
    coding = f"Content-Encoding: {told}\r\n"
    records = [page_record(ADDRESS, body, HTML + coding) for body in WITH_CONTROLS.values()]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    assert counted(tmp_path / "a.warc") == (Counter(read=len(records)), len(records))


PACKED = {
    "gzip": gz(PAGE), "x-gzip": gz(PAGE), "gzip, gzip": gz(gz(PAGE)), "deflate": zlib.compress(PAGE),
    "Deflate": raw_deflate(PAGE), "br": stream("brotli", PAGE), "zstd": stream("zstd", PAGE),
    "gzip, br": stream("brotli", gz(PAGE)), "br, gzip": stream("brotli", gz(PAGE)),
    "identity, gzip, none": gz(PAGE),
}  # fmt: skip


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("chunks", ["", "Transfer-Encoding: chunked\r\n"], ids=["whole", "in chunks"])
def test_a_body_that_is_as_its_head_says_is_unpacked(coding: str, chunks: str, tmp_path: Path) -> None:
    body = PACKED[coding]
    if chunks:
        body = b"5\r\n" + body[:5] + b"\r\n" + b"%x\r\n" % len(body[5:]) + body[5:] + b"\r\n0\r\n\r\n"
    headers = f"{HTML}Content-Encoding: {coding}\r\n{chunks}"
    (tmp_path / "a.warc.gz").write_bytes(packed([page_record(ADDRESS, body, headers)]))
    assert counted(tmp_path / "a.warc.gz") == (Counter(read=1), 1)


def test_pages_that_end_early_are_read_as_far_as_they_go_and_counted(tmp_path: Path) -> None:
    page = PAGE * 2_000
    many = b"".join(b"<img src=%d.jpg alt='cat %d'>" % (n, n * 7919 % 10_007) for n in range(3_000))
    cut = [
        (gz(many)[:-4_000], "Content-Encoding: gzip\r\n"),
        (b"%x\r\n" % len(page) + page[:-9], "Transfer-Encoding: chunked\r\n"),
        (b"%x\r\n" % len(page) + page + b"\r\n", "Transfer-Encoding: chunked\r\n"),
    ]
    (tmp_path / "a.warc").write_bytes(b"".join(page_record(ADDRESS, body, HTML + more) for body, more in cut))
    found, pairs = counted(tmp_path / "a.warc")
    assert found == Counter(read=3, cut=3)
    assert pairs > 1_000 + 1_998 + 2_000


def test_a_long_page_is_read_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_page, "MAX_PAGE_BYTES", 1_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n%b\r\n"
    for fields, body in ((b"", b"<p>" * 9_999), (b"Content-Encoding: gzip\r\n", gz(b"<p>" * 9_999))):
        page = read_page(head % fields + body)
        assert page is not None
        assert (page.is_cut, len(page.body)) == (True, 1_000)


def test_what_is_packed_in_a_way_that_nobody_told_is_a_rejection_not_a_page() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: %b\r\n\r\n"
    for coding in (b"gzip", b"zstd"):
        with pytest.raises(DamagedAnswer, match=coding.decode()):
            read_page(head % coding + bytes(range(1, 200)) * 5)
    page = read_page(head % b"gzip" + "<p>\u732b".encode("utf-16-le"))  # zeros, but a page
    assert page is not None
    with pytest.raises(DamagedAnswer, match="no empty line"):
        read_page(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000)


DNS_ANSWER = b"20140101000000\na.example. 5 IN A 192.0.2.1\n"
NO_PAGES = {
    "DNS": (record("response", "dns:a.example", "text/dns", DNS_ANSWER), "not_http"),
    "FTP": (record("response", "ftp://a.example/a", "application/octet-stream", b"\0\1\2"), "not_http"),
    "PDF": (page_record(ADDRESS, b"%PDF-1.4 <img src=a.jpg alt=cat>", "Content-Type: application/pdf\r\n"), "not_html"),
    "a picture": (page_record(ADDRESS, b"\xff\xd8\xff", "Content-Type: image/jpeg\r\n"), "not_html"),
    "a film": (page_record(ADDRESS, b"\0\0\0\x18ftypmp42", "Content-Type: video/mp4\r\n"), "not_html"),
    "JSON": (page_record(ADDRESS, PAGE, "Content-Type: application/json\r\n"), "not_html"),
    "a feed": (page_record(ADDRESS, b"<?xml version='1.0'?><rss><p>", ""), "not_html"),
    "a PDF without a type": (page_record(ADDRESS, b"%PDF-1.4 <img src=a.jpg alt=cat>", ""), "not_html"),
    "a picture without a type": (page_record(ADDRESS, b"GIF89a\1\0<p>", ""), "not_html"),
    "words without a type": (page_record(ADDRESS, "1 < 2, a <3 b", ""), "not_html"),
    "nothing without a type": (page_record(ADDRESS, "", ""), "not_html"),
    "a request": (record("request", ADDRESS, "application/http", b"GET / HTTP/1.1\r\n\r\n"), "request"),
    "metadata": (record("metadata", ADDRESS, "application/warc-fields", b"via: x\r\n"), "metadata"),
    "JSON metadata": (record("metadata", ADDRESS, "application/json", b"{}"), "metadata"),
    "a revisit": (record("revisit", ADDRESS, HTTP, b"HTTP/1.1 200 OK\r\n\r\n"), "revisit"),
    "a resource": (record("resource", ADDRESS, "text/html", PAGE), "resource"),
    "a conversion": (record("conversion", ADDRESS, "text/plain", b"words"), "conversion"),
    "a continuation": (record("continuation", ADDRESS, HTTP, PAGE), "continuation"),
    "information": (record("warcinfo", "", "application/warc-fields", b"software: x\r\n"), "warcinfo"),
    "something new": (record("screenshot", ADDRESS, "image/png", b"\x89PNG"), "other"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PAGES)
def test_a_record_that_is_no_page_is_counted_by_kind_and_no_rejection(name: str, tmp_path: Path) -> None:
    stored, kind = NO_PAGES[name]
    (tmp_path / "a.warc.gz").write_bytes(packed([stored, page_record(ADDRESS, PAGE)]))
    assert counted(tmp_path / "a.warc.gz") == (Counter({"read": 1, f"record_{kind}": 1}), 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!DOCTYPE html>", True), (b" \n<html>", True), (b"<!-- x --><p>", True), (b"words, then <b>bold</b>", True),
        (b"\xef\xbb\xbf<html>", True), ("\ufeff<p>".encode("utf-16-le"), True), (b"<?xml?><html>", True),
        (b"<?xml?><svg>", False), (b"a<b", False), (b"<p\0>", False), (b"{\\rtf1 <p>}", False), (b"", False),
    ],
    ids=["doctype", "html", "comment", "text", "mark", "UTF-16", "XHTML", "SVG", "a<b", "NUL", "RTF", "nothing"],
)  # fmt: skip
def test_what_is_html_without_a_type(body: bytes, expected: bool) -> None:
    assert looks_like_html(body) == expected
    assert (read_headless(body, "") is not None) == expected


def test_an_address_in_no_unicode_is_stored_percent_encoded(tmp_path: Path) -> None:
    stored = response(HEADS["LF"]).replace(b"http://a.example/", b"http://a.example/caf\xe9/", 1)
    (tmp_path / "a.warc").write_bytes(stored)
    (row,) = read(tmp_path / "a.warc", "warc")[0]
    assert (row["page_url"], row["url"]) == ("http://a.example/caf%E9/", "http://a.example/caf%E9/a.jpg")


WIDE = ["utf-16-le", "utf-16-be"]
CHARSETS = ["", "; charset=utf-16", "; charset=utf-16le", "; charset=utf-16be", "; charset=utf-8", "; charset=cp1251"]
WIDE_PAGES = {
    "Latin": PAGE.decode(),
    "Cyrillic": "\u043a\u043e\u0442 " * 2_000 + PAGE.decode(),
    "Chinese": "\u732b\u4e00\u3c61" * 2_000 + PAGE.decode(),
    "meta": '<meta charset="utf-16">' + PAGE.decode(),
    "meta UTF-8": '<meta charset="utf-8">' + PAGE.decode(),
}


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("name", WIDE_PAGES)
def test_utf_16_without_a_byte_order_mark_is_read_whatever_is_declared(
    name: str, encoding: str, tmp_path: Path
) -> None:
    """The Content-Type may name it, its other byte order, something else or nothing."""
    body = WIDE_PAGES[name].encode(encoding)
    heads = [f"Content-Type: text/html{charset}\r\n{more}" for charset in CHARSETS
             for more in ("", "Content-Encoding: gzip\r\n")]  # fmt: skip
    records = [page_record(ADDRESS, body, head) for head in heads]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    rows, broken, _ = read(tmp_path / "a.warc", "warc")
    assert [row["caption"] for row in rows] == ["a red cat"] * len(heads)
    assert broken == []


def test_utf_16_without_a_mark_and_without_a_type_is_html_and_a_binary_with_wide_words_is_none() -> None:
    for encoding in WIDE:
        assert looks_like_html(PAGE.decode().encode(encoding))
        assert not looks_like_html(b"\1\0\0\0" + PAGE.decode().encode(encoding))


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le", "utf-16be"])
def test_a_page_that_is_not_in_the_utf_16_that_is_declared_is_read_as_what_it_is(charset: str, tmp_path: Path) -> None:
    russian = "<p>\u041a\u0440\u0430\u0441\u043d\u0430\u044f \u043f\u043b\u043e\u0449\u0430\u0434\u044c</p>" * 20
    bodies = [PAGE, b"a\0b" + PAGE, "<p>\u732b".encode() + PAGE, russian.encode("cp1251") + PAGE,
              b"\xef\xbb\xbf" + PAGE]  # fmt: skip
    meta = f"<meta charset={charset}>".encode()
    records = [page_record(ADDRESS, body, f"Content-Type: text/html; charset={charset}\r\n") for body in bodies]
    records += [page_record(ADDRESS, meta + body, HTML) for body in bodies]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    rows, _, _ = read(tmp_path / "a.warc", "warc")
    assert [row["caption"] for row in rows] == ["a red cat"] * len(records)


def archives(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*arc*") if p.is_file() and p.suffix != ".lz4")


def test_every_record_of_real_archives_is_read_left_out_or_rejected(shared_data: Path) -> None:
    """As many as warcio, which reads none of our code, finds in the files that it reads to their end."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    compared = 0
    for path in archives(shared_data / "web_archives"):
        kinds: Counter[str] = Counter()
        try:
            with path.open("rb") as raw, contextlib.redirect_stderr(io.StringIO()):
                for item in ArchiveIterator(raw):
                    item.content_stream().read()
                    kinds[item.rec_type] += 1
        except ArchiveLoadFailed:
            continue
        for input_format in ("warc", "wat"):
            found, _ = counted(path, input_format)
            assert found.total() - found["cut"] == kinds.total(), (path.name, input_format, found, kinds)
            assert found["record_request"] == kinds["request"], path.name
        compared += 1
    assert compared > 15
