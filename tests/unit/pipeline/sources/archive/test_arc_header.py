"""ARC files, the format of the Internet Archive's crawls until 2008, read by `--input-format warc`."""

import bz2
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.crawl_files import counted, packed, read

PAGE = b'<img src=a.jpg alt="a red cat">'
ADDRESS = "http://a.example/"
DNS_ANSWER = b"20140101000000\na.example. 5 IN A 192.0.2.1\n"
HTTP_ANSWER = b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + PAGE

ARC_LINES = {
    "version 1": "{url} 192.0.2.1 20060102030405 text/html {size}\n",
    "version 2": "{url} 192.0.2.1 20060102030405 text/html 200 abc - 0 a.arc.gz {size}\n",
    "IPv6": "{url} 2001:db8::1 20060102030405 text/html {size}\n",
    "a short date": "{url} 192.0.2.1 200601020304 text/html {size}\n",
    "a type with a space": "{url} 192.0.2.1 20060102030405 text/html; charset=utf-8 {size}\n",
    "CR LF": "{url} 192.0.2.1 20060102030405 text/html {size}\r\n",
}


def arc(stored: bytes, url: str = ADDRESS, line: str = ARC_LINES["version 1"]) -> bytes:
    return line.format(url=url, size=len(stored)).encode() + stored + b"\n"


VERSION = b"1 0 Maker\nURL IP-address Archive-date Content-type Archive-length\n"
BEGIN = arc(VERSION, "filedesc://a.arc", ARC_LINES["version 1"].replace("text/html", "text/plain"))
STORED = HTTP_ANSWER + b"<p>words"


@pytest.mark.parametrize("line", ARC_LINES)
def test_pages_of_arc_files(line: str, tmp_path: Path) -> None:
    records = [
        BEGIN, arc(STORED, line=ARC_LINES[line]), arc(STORED, "http://a.example/a page/", ARC_LINES[line]),
        arc(PAGE, line=ARC_LINES[line]),  # HTTP/0.9
        arc(DNS_ANSWER, "dns:a.example", ARC_LINES["version 1"].replace("html", "dns")),
    ]  # fmt: skip
    expected = Counter({"read": 3, "record_warcinfo": 1, "record_not_http": 1})
    plain = b"".join(records)
    files = {
        "a.arc": plain,
        "a.arc.gz": packed(records),
        "b.arc.gz": gzip.compress(plain, mtime=0),
        "a.arc.bz2": bz2.compress(plain),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
        assert counted(tmp_path / name) == (expected, 3), name
        addresses = {row["page_url"] for row in read(tmp_path / name, "warc")[0]}
        assert addresses == {ADDRESS, "http://a.example/a page/"}


def test_an_arc_file_gives_what_the_same_crawl_gives_as_warc(shared_data: Path, tmp_path: Path) -> None:
    from warcio.recompressor import Recompressor

    folder = shared_data / "web_archives" / "warcio"
    for name in ("example.arc", "example.arc.gz"):
        Recompressor(str(folder / name), str(tmp_path / "a.warc.gz")).recompress()
        as_arc, as_warc = counted(folder / name), counted(tmp_path / "a.warc.gz")
        assert as_arc[0]["read"] == as_warc[0]["read"] == 1
        assert as_arc[1] == as_warc[1]


def test_broken_records_of_an_arc_file_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    def where(rows: list[dict[str, Any]]) -> list[str]:
        return [row["page_url"].removeprefix(ADDRESS) for row in rows]

    good = [arc(STORED, f"{ADDRESS}{number}") for number in range(3)]
    no_length = arc(STORED, f"{ADDRESS}x").replace(b"text/html %d" % len(STORED), b"text/html -1")
    wrong = arc(STORED, f"{ADDRESS}y").replace(b"text/html %d" % len(STORED), b"text/html %d" % (len(STORED) - 5))
    cut = arc(STORED * 2, f"{ADDRESS}z")[: len(STORED)]
    plain = BEGIN + good[0] + no_length + good[1] + wrong + good[2] + cut
    (tmp_path / "a.arc").write_bytes(plain)
    rows, broken, _ = read(tmp_path / "a.arc", "warc")
    assert where(rows) == ["0", "1", "y", "2"]
    assert [item.reason for item in broken] == ["record_malformed", "record_malformed", "record_truncated"]
    assert [plain[item.position :][:17] for item in broken] == [
        b"http://a.example/",
        STORED[-5:] + b"\n" + good[2][:11],
        b"http://a.example/",
    ]


def test_an_arc_file_whose_records_lie_across_pieces(tmp_path: Path) -> None:
    """Plain files are read in pieces; a record, its line too, may begin in one and end in the next."""
    page = HTTP_ANSWER + b"<p>" * 50_000
    records = [arc(page + b" " * number, f"{ADDRESS}{number}?{'q' * (number * 49)}") for number in range(40)]
    (tmp_path / "a.arc").write_bytes(BEGIN + b"".join(records))
    assert counted(tmp_path / "a.arc") == (Counter({"read": 40, "record_warcinfo": 1}), 40)
