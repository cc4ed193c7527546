"""The `warc` source on made pages and real ones; what it finds against what a tree builder (Lexbor) finds."""

from pathlib import Path

import pytest
from resiliparse.parse.html import HTMLTree

from tests.support.crawl_files import packed, page_record, read

PAGE = """<!doctype html><html lang="de-AT"><head><base href="/b/"><meta property="og:image" content="og.jpg">
<meta property=og:image:alt content="the &quot;alt&quot;">
<link rel=license href=//creativecommons.org/publicdomain/zero/1.0/>
</head><body><!-- <img src=comment.jpg alt=comment> --><script>"<img src=script.jpg alt=script>"</script>
<img src=plain.jpg alt="plain &amp; simple" title='plain'>
<img src="small.jpg" srcset="small.jpg 1x, large.jpg 2x" alt=largest>
<img src="data:image/gif;base64,R0" data-src="late.jpg" data-caption="said late">
<picture><source srcset="wide.webp 2000w"><img src=narrow.jpg alt=picture></picture>
<figure><img src=figure.jpg><figcaption>A <b>bold</b>ly
 told<br>story</figcaption></figure>
<img src=dot.gif width=1 height=1 alt=dot><IMG SRC='upper.jpg' ALT=upper/></body></html>"""


def test_images_of_a_page(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(packed([page_record("http://a.example/d/p.html", PAGE)]))
    rows, broken, drops = read(tmp_path / "a.warc.gz", "warc")
    assert broken == []
    base = "http://a.example/b/"
    assert [(row["url"].removeprefix(base), row["caption"], row["text_source"]) for row in rows] == [
        ("plain.jpg", "plain & simple", "alt"),
        ("plain.jpg", "plain", "title"),
        ("large.jpg", "largest", "alt"),
        ("late.jpg", "said late", "data-caption"),
        ("wide.webp", "picture", "alt"),
        ("figure.jpg", "A boldly told story", "figcaption"),
        ("upper.jpg", "upper/", "alt"),
        ("og.jpg", 'the "alt"', "og:image:alt"),
    ]
    assert {(row["language"], row["license"]) for row in rows} == {
        ("de", "https://creativecommons.org/publicdomain/zero/1.0/")
    }
    assert drops == {"tracking_pixel": 1}


@pytest.mark.parametrize("charset", ["windows-1251", "utf-8", "utf-16"])
def test_pages_are_decoded(tmp_path: Path, charset: str) -> None:
    body = "<img src=a.jpg alt='Красная площадь'>".encode(charset)
    headers = f"Content-Type: text/html; charset={charset}\r\n"
    (tmp_path / "a.warc").write_bytes(page_record("http://a.example/", body, headers))
    assert [row["caption"] for row in read(tmp_path / "a.warc", "warc")[0]] == ["Красная площадь"]


def test_hostile_pages_take_linear_time(tmp_path: Path) -> None:
    """Each is a megabyte on which a tree builder or a scanner that looks back takes minutes or for ever."""
    pieces = [
        "<div>",
        "<b id=1>",
        "<",
        "<img ",
        "<!--",
        "<figure><figcaption>",
        "<script><",
        '<a b="',
        "&amp",
        "</",
        "<p<",
    ]
    pages = [page_record("http://a.example/", piece * (1_000_000 // len(piece))) for piece in pieces]
    last = page_record("http://a.example/", "<img src=a.jpg alt=last>")
    (tmp_path / "a.warc.gz").write_bytes(packed([*pages, last]))
    rows, broken, _ = read(tmp_path / "a.warc.gz", "warc")
    assert ([row["caption"] for row in rows], broken) == (["last"], [])


def test_real_pages_give_what_a_tree_gives(shared_data: Path, tmp_path: Path) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    path = shared_data / "web_archives" / "resiliparse" / "warcfile.warc.gz"
    rows, broken, _ = read(path, "warc")
    found = {(row["page_url"], row["caption"]) for row in rows if row["text_source"] == "alt"}
    expected = set()
    with path.open("rb") as raw:
        for item in ArchiveIterator(raw, record_types=WarcRecordType.response):
            tree = HTMLTree.parse_from_bytes(item.reader.read(), item.http_charset or "utf-8")
            for image in tree.document.get_elements_by_tag_name("img"):
                alt = " ".join((image.getattr("alt") or "").split())
                if alt:
                    expected.add((item.headers["WARC-Target-URI"], alt))
    assert broken == []
    assert len(found) > 20
    assert {caption for _, caption in found} <= {caption for _, caption in expected}


@pytest.mark.parametrize("folder", ["warcio", "resiliparse", "commoncrawl-whirlwind"])
def test_real_archives_good_and_broken_are_no_crash(shared_data: Path, folder: str) -> None:
    for path in sorted((shared_data / "web_archives" / folder).glob("*warc*")):
        for input_format in ("warc", "wat"):
            _, broken, _ = read(path, input_format)
            assert all(item.position >= 0 for item in broken)
