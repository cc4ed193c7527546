"""The `wat` source on made files and real ones, whole and broken."""

import gzip
from pathlib import Path

from tests.unit.pipeline.sources.crawl_files import packed, read, record, wat_record

LICENSE = "https://creativecommons.org/licenses/by/4.0/"
FULL = wat_record(
    "http://a.example/x/y.html",
    [
        {"path": "IMG@/src", "url": "../i.jpg", "alt": 'say "hé"', "title": "other"},
        {"path": "A@/href", "url": "http://www.creativecommons.org/licenses/by/4.0/", "text": "licence"},
        {"path": "IMG@/src", "url": "data:image/gif;base64,R0", "alt": "d"},
        {"path": "IMG@/src", "url": "/no-text.png"},
        {"path": "IMG@/src", "url": "http://b.example/pixel.gif", "alt": "counter"},
        {"path": "IMG@/src", "url": "ftp://b.example/f.gif", "alt": "ftp"},
        {"path": "IMG@/longdesc", "url": "long.html"},
    ],
    {
        "Base": "/base/z/",
        "Metas": [
            {"name": "HTML@/lang", "content": "en-US"},
            {"property": "og:image", "content": "//cdn.example/og.jpg"},
            {"property": "og:description", "content": "described"},
        ],
    },
)


def test_links_of_a_page(tmp_path: Path) -> None:
    (tmp_path / "a.warc.wat.gz").write_bytes(packed([FULL]))
    rows, broken, drops = read(tmp_path / "a.warc.wat.gz", "wat")
    assert [(row["url"], row["caption"], row["text_source"]) for row in rows] == [
        ("http://a.example/base/i.jpg", 'say "hé"', "alt"),
        ("http://a.example/base/i.jpg", "other", "title"),
        ("http://cdn.example/og.jpg", "described", "og:description"),
    ]
    facts = {(row["page_url"], row["language"], row["license"], row["source_row"]) for row in rows}
    assert facts == {("http://a.example/x/y.html", "en", LICENSE, 0)}
    assert broken == []
    assert drops == {"image_without_text": 1, "data_url": 1, "tracking_pixel": 1, "url_scheme": 1}


def test_broken_records_are_told_by_offset_and_the_rest_is_read(tmp_path: Path) -> None:
    bad = record("metadata", "http://c.example/", "application/json", b'{"Envelope": {"a": [1, 2}')
    no_length = FULL.replace(b"Content-Length:", b"Content-Width:")
    records = [FULL, bad, FULL, no_length, FULL[: len(FULL) // 2], FULL]
    parts = [gzip.compress(one, mtime=0) for one in records]
    offsets = [sum(map(len, parts[:number])) for number in range(len(parts))]
    (tmp_path / "a.warc.wat.gz").write_bytes(b"".join(parts))
    rows, broken, _ = read(tmp_path / "a.warc.wat.gz", "wat")
    assert sorted({row["source_row"] for row in rows}) == [offsets[0], offsets[2], offsets[5]]
    assert sorted((item.reason, item.position) for item in broken) == [
        ("record_malformed", offsets[1]),
        ("record_malformed", offsets[3]),
        ("record_truncated", offsets[4]),
    ]


def test_a_file_gives_the_same_pairs_however_it_is_packed(tmp_path: Path) -> None:
    (tmp_path / "a.warc.wat.gz").write_bytes(packed([FULL, FULL]))
    (tmp_path / "a.warc.wat").write_bytes(FULL + FULL)
    (tmp_path / "b.warc.wat.gz").write_bytes(gzip.compress(FULL + FULL))
    found = [read(tmp_path / name, "wat")[0] for name in ("a.warc.wat.gz", "a.warc.wat", "b.warc.wat.gz")]
    pairs = [[(row["url"], row["caption"], row["page_url"]) for row in rows] for rows in found]
    assert len(pairs[0]) == 6
    assert pairs[0] == pairs[1] == pairs[2]


def test_a_record_cut_anywhere_is_no_crash(tmp_path: Path) -> None:
    body = FULL.split(b"\r\n\r\n")[1]
    cuts = [record("metadata", "http://c.example/", "application/json", body[:size]) for size in range(0, len(body), 7)]
    (tmp_path / "a.warc.wat.gz").write_bytes(packed(cuts))
    rows, broken, _ = read(tmp_path / "a.warc.wat.gz", "wat")
    assert rows == []
    assert [item.reason for item in broken] == ["record_malformed"] * len(cuts)


def test_real_file(shared_data: Path) -> None:
    folder = shared_data / "web_archives" / "commoncrawl-whirlwind"
    for name in ("whirlwind.warc.wat.gz", "whirlwind.warc.wat"):
        assert read(folder / name, "wat") == ([], [], {})
