"""`pipeline collect` on real WARC and WAT files, whole and damaged: candidates and counts as the model has them."""

import bz2
import gzip
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.collect.rejected import TooManyRejections
from pipeline.sources.archive.gzip_members import GZIP_MAGIC
from tests.bench.wat_file import write_wat
from tests.conftest import write_queries
from tests.support.crawl_files import packed, page_record, record, wat_record
from tests.support.crawl_model import (
    CrawledPage,
    candidates_of,
    members,
    warc_pages,
    wat_pages,
)
from tests.support.folder_bytes import folder_bytes

QUERIES = ["logo", "hovenier", "tour de france", "fahrer", "компания", "яндекс", "微信", "hier klicken", "gif", "live"]
GARBAGE = bytes(range(1, 200)) * 3


def collect(root: Path, name: str, input_format: str, surfaces: list[str] = QUERIES, **options: Any) -> dict[str, Any]:
    """Collect the file `name` of folder `root` into ``root/candidates`` and return the manifest's summary."""
    queries = root / "queries"
    write_queries(queries, surfaces)
    config = CollectConfig(
        input=str(root / name), input_format=input_format, queries=str(queries), output=str(root / "candidates"),
        **options,
    )  # fmt: skip
    summary: dict[str, Any] = run_collect(config, [])["summary"]
    return summary


def read(root: Path, name: str = "00000.parquet") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(root / "candidates" / name).to_pylist()
    return rows


def common_words(pages: list[CrawledPage]) -> list[str]:
    """Return the thirty words that stand most often in captions."""
    texts = [text for page in pages for _, text, _ in page.pairs]
    words = Counter(word for text in texts for word in re.findall(r"[^\W\d_]+", text.casefold()))
    return sorted(words, key=lambda word: (-words[word], word))[:30]


def check(
    root: Path, summary: dict[str, Any], pages: list[CrawledPage], broken: int = 0, surfaces: list[str] = QUERIES
) -> None:
    """Compare candidates and counts with those of the model; `broken` records gave no row."""
    expected, counts = candidates_of(pages, surfaces)
    rows = read(root)
    assert {row["pair_id"]: row["query_ids"] for row in rows} == expected
    counts["records"] += broken
    counts["rejected"] = broken
    assert summary["counts"] == {name: counts.get(name, 0) for name in summary["counts"]}
    dropped: Counter[str] = Counter({"no_match": counts["dropped"]})
    for page in pages:
        dropped.update(page.dropped)
        dropped["no_match"] -= sum(page.dropped.values())
    assert summary["dropped_by_reason"] == {reason: count for reason, count in sorted(dropped.items()) if count}
    stood = {(page.url, page.position, url, where) for page in pages for url, _, where in page.pairs}
    assert {(row["page_url"], row["source_row"], row["url"], row["text_source"]) for row in rows} <= stood


@pytest.fixture(scope="module")
def real_warc(shared_data: Path) -> Path:
    return shared_data / "web_archives" / "resiliparse" / "warcfile.warc.gz"


@pytest.fixture(scope="module")
def real_wat(tmp_path_factory: pytest.TempPathFactory, real_warc: Path) -> Path:
    """Common Crawl publishes no WAT file as small as a test needs: this one is written of the real pages."""
    path = tmp_path_factory.mktemp("wat") / "real.warc.wat.gz"
    write_wat(path, [real_warc], 300_000, seed=5)
    return path


def test_real_warc(real_warc: Path, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(real_warc.read_bytes())
    summary = collect(tmp_path, "a.warc.gz", "warc")
    pages = warc_pages(tmp_path / "a.warc.gz")
    assert len(candidates_of(pages, QUERIES)[0]) > 12
    check(tmp_path, summary, pages)
    assert read(tmp_path, "rejections/collect.parquet") == []


def test_real_wat(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "web_archives" / "commoncrawl-whirlwind" / "whirlwind.warc.wat.gz"
    (tmp_path / "a.warc.wat.gz").write_bytes(source.read_bytes())
    summary = collect(tmp_path, "a.warc.wat.gz", "wat")  # its page has no HTML metadata
    check(tmp_path, summary, wat_pages(tmp_path / "a.warc.wat.gz"))
    assert summary["counts"]["archive_records"] == summary["counts"]["records"] == 1  # metadata; warcinfo


def test_wat_of_real_pages(real_wat: Path, tmp_path: Path) -> None:
    (tmp_path / "a.warc.wat.gz").write_bytes(real_wat.read_bytes())
    pages = wat_pages(tmp_path / "a.warc.wat.gz")
    words = common_words(pages)
    summary = collect(tmp_path, "a.warc.wat.gz", "wat", words)
    assert len(candidates_of(pages, words)[0]) > 10
    check(tmp_path, summary, pages, surfaces=words)


@pytest.mark.parametrize("kind", ["warc", "wat"])
def test_a_damaged_archive(kind: str, real_warc: Path, real_wat: Path, tmp_path: Path) -> None:
    """One member truncated, one with wrong bytes, garbage before one: told by offset, all others read."""
    source, read_pages = (real_warc, warc_pages) if kind == "warc" else (real_wat, wat_pages)
    whole = members(source.read_bytes())
    with_pairs = [page.position for page in read_pages(source) if page.pairs]
    numbers = [number for number, (offset, _) in enumerate(whole) if offset in with_pairs]
    cut, wrong, behind = numbers[1], numbers[3], numbers[5]
    damaged = b""
    moved: dict[int, int] = {}  # offset in the whole file, in the damaged one
    broken = []
    for number, (offset, member) in enumerate(whole):
        if number == behind:
            broken.append(len(damaged))
            damaged += GARBAGE
        if number in (cut, wrong):
            broken.append(len(damaged))
        else:
            moved[offset] = len(damaged)
        if number == cut:
            damaged += member[: len(member) // 2]
        elif number == wrong:
            middle = len(member) // 2
            damaged += (
                member[:middle] + bytes(byte ^ 0x5A for byte in member[middle : middle + 40]) + member[middle + 40 :]
            )
        else:
            damaged += member
    (tmp_path / "a.gz").write_bytes(damaged)
    rest = [page for page in read_pages(source) if page.position in moved]
    for page in rest:
        page.position = moved[page.position]
    words = common_words(rest)
    summary = collect(tmp_path, "a.gz", kind, words)
    assert len(candidates_of(rest, words)[0]) > 10
    check(tmp_path, summary, rest, broken=3, surfaces=words)
    rejected = [
        (row["reason"], row["position"], row["source_file"]) for row in read(tmp_path, "rejections/collect.parquet")
    ]
    assert sorted(rejected) == sorted(("member_unreadable", position, "a.gz") for position in broken)
    assert summary["rejected_by_reason"] == {"member_unreadable": 3}


def test_an_archive_that_ends_within_a_member(real_warc: Path, tmp_path: Path) -> None:
    whole = real_warc.read_bytes()
    offset, member = members(whole)[-2]
    (tmp_path / "a.warc.gz").write_bytes(whole[: offset + len(member) // 2])
    summary = collect(tmp_path, "a.warc.gz", "warc")
    check(tmp_path, summary, [p for p in warc_pages(real_warc) if p.position < offset], broken=1)
    (row,) = read(tmp_path, "rejections/collect.parquet")
    assert (row["reason"], row["position"]) == ("member_unreadable", offset)


DROPPED_LINKS = [
    {"path": "IMG@/src", "url": "data:image/gif;base64,R0", "alt": "logo"},
    {"path": "IMG@/src", "url": "javascript:void(0)", "alt": "logo"},
    {"path": "IMG@/src", "url": "https://mc.yandex.ru/watch/1", "alt": "logo", "title": "live"},
    {"path": "IMG@/src", "url": "/i/spacer.gif", "alt": "logo"},
    {"path": "IMG@/src", "url": "/i/1.jpg"},
    {"path": "IMG@/src", "url": "/i/2.jpg", "alt": "nothing that is asked for"},
    {"path": "IMG@/src", "url": "/i/3.jpg", "alt": "the logo, live"},
]
DROPPED_BY_REASON = {"data_url": 1, "image_without_text": 1, "no_match": 1, "tracking_pixel": 3, "url_scheme": 1}


def test_every_reason_of_a_dropped_image_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.warc.wat.gz").write_bytes(packed([wat_record("http://a.example/", DROPPED_LINKS)]))
    summary = collect(tmp_path, "a.warc.wat.gz", "wat")
    assert summary["dropped_by_reason"] == DROPPED_BY_REASON
    assert summary["counts"]["records"] == 8
    assert summary["counts"]["dropped"] == 7
    assert [row["caption"] for row in read(tmp_path)] == ["the logo, live"]
    check(tmp_path, summary, wat_pages(tmp_path / "a.warc.wat.gz"))


def test_the_same_images_are_dropped_from_a_page(tmp_path: Path) -> None:
    images = [" ".join(f'{k}="{v}"' for k, v in {"src": link["url"], **link}.items() if k not in ("path", "url"))
              for link in DROPPED_LINKS]  # fmt: skip
    page = "".join(f"<img {image}>" for image in images) + '<img src="x.jpg" alt="logo" width=1 height=1>'
    (tmp_path / "a.warc.gz").write_bytes(packed([page_record("http://a.example/", page)]))
    summary = collect(tmp_path, "a.warc.gz", "warc")
    assert summary["dropped_by_reason"] == {**DROPPED_BY_REASON, "tracking_pixel": 4}
    assert [row["caption"] for row in read(tmp_path)] == ["the logo, live"]
    check(tmp_path, summary, warc_pages(tmp_path / "a.warc.gz"))


def test_a_page_with_too_many_images(tmp_path: Path) -> None:
    links = [{"path": "IMG@/src", "url": f"/{number}.jpg", "alt": "logo"} for number in range(20_007)]
    (tmp_path / "a.warc.wat.gz").write_bytes(packed([wat_record("http://a.example/", links)]))
    summary = collect(tmp_path, "a.warc.wat.gz", "wat")
    assert summary["dropped_by_reason"] == {"too_many_on_page": 7}
    assert summary["counts"]["candidates"] == 20_000


def test_records_that_are_no_pages_are_counted_and_stop_no_run(tmp_path: Path) -> None:
    records = [
        record("response", "dns:a.example", "text/dns", b"a.example. 5 IN A 192.0.2.1"),
        page_record("http://a.example/a.pdf", b"%PDF-1.4", "Content-Type: application/pdf\r\n"),
    ]
    (tmp_path / "a.warc.gz").write_bytes(packed(records))
    summary = collect(tmp_path, "a.warc.gz", "warc", max_rejected_fraction=0)
    assert summary["dropped_by_reason"] == {"record_not_html": 1, "record_not_http": 1}
    counts = {"records": 2, "dropped": 2, "rejected": 0, "archive_records": 0, "archive_records_cut": 0}
    assert {name: summary["counts"][name] for name in counts} == counts
    assert summary["rejected_by_reason"] == {}


PAGES_OF_100 = [
    page_record(f"http://{name}.example/", "".join(f"<img src={n}.jpg alt=logo>" for n in range(100))) for name in "ab"
]
BROKEN = b"WARC/1.0\r\nWARC-Type: response\r\n\r\n"
EMPTY = page_record("http://a.example/", "no image")
TOO_LONG = page_record("http://a.example/", f"<img src=a.jpg alt='{'logo ' * 2_001}'>")


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([*PAGES_OF_100, BROKEN, BROKEN, BROKEN], "3 of 5 archive records are broken"),
        ([*PAGES_OF_100, BROKEN, BROKEN], ""),
        ([EMPTY, BROKEN], ""),
        ([BROKEN], "1 of 1 archive records are broken"),
        ([TOO_LONG, TOO_LONG, *PAGES_OF_100], ""),
        ([TOO_LONG, BROKEN, *[EMPTY] * 9], "1 of 1 pairs are broken"),
    ],
    ids=["records", "fewer records", "no pair at all", "all", "few pairs", "pairs"],
)  # fmt: skip
def test_broken_records_are_held_against_records_and_broken_pairs_against_pairs(
    records: list[bytes], told: str, tmp_path: Path
) -> None:
    (tmp_path / "a.warc.gz").write_bytes(packed(records))
    if not told:
        collect(tmp_path, "a.warc.gz", "warc")
        return
    with pytest.raises(TooManyRejections, match=told):
        collect(tmp_path, "a.warc.gz", "warc")


def in_frames(plain: bytes) -> bytes:
    """Return `plain` as several zstd frames, as pzstd and crawlers that write .zst make them."""
    pieces = [plain[start : start + 200_000] for start in range(0, len(plain), 200_000)]
    return b"".join(pa.compress(piece, "zstd", asbytes=True) for piece in pieces)


def test_every_packing_of_an_archive_gives_the_same_pairs(shared_data: Path, tmp_path: Path) -> None:
    """Plain, gzip by record, gzip as a whole, lz4 as published; zst and bz2 of the same bytes."""
    folder = shared_data / "web_archives" / "resiliparse"
    plain = (folder / "warcfile.warc").read_bytes()
    made = {
        "a.warc": plain,
        "a.warc.gz": (folder / "warcfile.warc.gz").read_bytes(),
        "a.warc.lz4": (folder / "warcfile.warc.lz4").read_bytes(),
        "a.warc.zst": in_frames(plain),
        "a.warc.bz2": bz2.compress(plain),
        "whole/a.warc.gz": gzip.compress(plain, mtime=0),
    }
    found = []
    for number, (name, body) in enumerate(made.items()):
        root = tmp_path / str(number)
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(body)
        summary = collect(root, name, "warc")
        rows = [{k: v for k, v in row.items() if k not in ("source_row", "source_file")} for row in read(root)]
        found.append((rows, summary["counts"], summary["dropped_by_reason"], summary["rejected_by_reason"]))
    assert len(found[0][0]) > 12
    for name, other in zip(made, found, strict=True):
        assert other == found[0], name


@pytest.mark.parametrize("name", ["a.warc", "a.warc.zst"])
def test_bytes_that_look_like_gzip_inside_another_packing(name: str, tmp_path: Path) -> None:
    """Servers send pages as gzip, and crawlers store them so; compressed bytes may hold anything."""
    page = gzip.compress(b"<img src=a.jpg alt=logo>" + bytes(range(32, 127)) * 4, mtime=0)
    encoded = page_record("http://a.example/", page, "Content-Type: text/html\r\nContent-Encoding: gzip\r\n")
    body = encoded * 20 + page_record("http://b.example/", "<img src=b.jpg alt='live logo'>")
    (tmp_path / name).write_bytes(pa.compress(body, "zstd", asbytes=True) if name.endswith(".zst") else body)
    if name.endswith(".zst"):
        skippable = b"\x50\x2a\x4d\x18\x04\0\0\0" + GZIP_MAGIC + b"\0"  # a frame of zstd that decompressors step over
        (tmp_path / name).write_bytes(skippable + (tmp_path / name).read_bytes())
    summary = collect(tmp_path, name, "warc")
    assert summary["rejected_by_reason"] == {}
    assert [row["url"] for row in read(tmp_path)] == ["http://a.example/a.jpg", "http://b.example/b.jpg"]


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(real_warc: Path, real_wat: Path, tmp_path: Path) -> None:
    trees = []
    for number, beam_args in enumerate([[], ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]]):
        root = tmp_path / str(number)
        (root / "in").mkdir(parents=True)
        for copy in range(3):
            (root / "in" / f"{copy}.warc.gz").write_bytes(real_warc.read_bytes())
        write_queries(root / "queries", QUERIES)
        config = CollectConfig(
            input=f"{root}/in/*.gz", input_format="warc", queries=f"{root}/queries", output=f"{root}/candidates"
        )
        run_collect(config, beam_args)
        trees.append(folder_bytes(root / "candidates"))
    assert trees[0] == trees[1]
