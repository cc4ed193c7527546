"""The `wat` source on made files and real ones, whole and broken."""

import gzip
import itertools
import json
import random
import tempfile
import zlib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.crawl_files import packed, read, record, wat_record

WHITE = "".join(map(chr, range(33)))
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
    (tmp_path / "b.warc.wat.gz").write_bytes(gzip.compress(FULL + FULL, mtime=0))
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


TEXT = st.text(alphabet='ab"\\\\/é\n\u2028😀 &;', max_size=30)
LINKS = st.lists(
    st.fixed_dictionaries(
        {
            "path": st.sampled_from(["IMG@/src", "A@/href", "IMG@/longdesc"]),
            "url": st.from_regex(r"[a-z]{1,90}", fullmatch=True),
        },
        optional={"alt": TEXT, "title": TEXT, "other": st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=2)},
    ),
    max_size=6,
)


@settings(max_examples=100)
@given(LINKS, st.booleans(), st.sampled_from([(",", ":"), (" , ", " : ")]), st.booleans(), st.booleans())
def test_links_are_those_that_json_reads(
    links: list[dict[str, Any]], ascii_only: bool, separators: tuple[str, str], slashes: bool, links_first: bool
) -> None:
    html = {"Links": links, "Head": {"Base": "http://b.example/"}}
    if not links_first:
        html = dict(reversed(html.items()))
    value = {
        "Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": {"n": -1.5, "HTML-Metadata": html, "m": None}}}
    }
    body = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    if slashes:
        body = body.replace("/", "\\/")  # as Java's org.json writes it; a slash stands in no escape of json.dumps
    wanted = []
    for link in links:
        if link["path"] == "IMG@/src":
            texts = [link.get(name, "").strip(WHITE) for name in ("alt", "title")]
            wanted += [(f"http://b.example/{link['url']}", text) for text in dict.fromkeys(texts) if text]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.warc.wat.gz"
        path.write_bytes(packed([record("metadata", "http://a.example/", "application/json", body.encode())]))
        rows, broken, _ = read(path, "wat")
    assert broken == []
    assert [(row["url"], row["caption"]) for row in rows] == wanted


def test_real_file(shared_data: Path) -> None:
    folder = shared_data / "web_archives" / "commoncrawl-whirlwind"
    for name in ("whirlwind.warc.wat.gz", "whirlwind.warc.wat"):
        assert read(folder / name, "wat") == ([], [], {"record_warcinfo": 1})


def test_what_comes_before_a_cut_in_a_whole_file_is_read(tmp_path: Path) -> None:
    noise = random.Random(1)
    records = [
        wat_record(f"http://a.example/{n}", [{"path": "IMG@/src", "url": "i.jpg", "alt": noise.randbytes(40).hex()}])
        for n in range(2000)
    ]
    whole = b"".join(records)
    cut = gzip.compress(whole, mtime=0)
    cut = cut[: len(cut) // 2]
    (tmp_path / "a.warc.wat.gz").write_bytes(cut)
    readable = len(zlib.decompressobj(31).decompress(cut))
    ends = itertools.accumulate(map(len, records))
    rows, broken, _ = read(tmp_path / "a.warc.wat.gz", "wat")
    assert sum(end <= readable - (64 << 10) for end in ends) <= len(rows) < len(records)
    assert rows
    assert [item.reason for item in broken][-1] == "file_unreadable"
