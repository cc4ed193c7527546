"""`pipeline collect` over HTTP and S3, from real servers: candidates as from the disk; what breaks is told."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.sources.files import input_file
from tests.conftest import write_queries
from tests.support.byte_server import cut_of, serve
from tests.support.crawl_files import page_record, wat_record
from tests.support.s3_server import BUCKET, serve_s3

NAMES = [f"crawl-data/segment/wat/{number}.warc.wat.gz" for number in range(2)]


def wat_member(number: int) -> bytes:
    """Return a record of 20 images, gzip that packs nothing: a small file of many bytes."""
    links = [{"path": "IMG@/src", "url": f"/{number}-{k}.jpg", "alt": f"red thing {number} {k}"} for k in range(20)]
    return gzip.compress(wat_record(f"http://a.example/{number}", links), 0, mtime=0)


WATS = {name: b"".join(wat_member(part * 400 + n) for n in range(400)) for part, name in enumerate(NAMES)}
TABLE = "\n".join(["url,caption", *(f"http://a.example/{n}.jpg,red thing {n}" for n in range(30_000))]).encode()
FILES = {
    **WATS,
    "wat.paths.gz": gzip.compress("\n".join(NAMES).encode() + b"\n", mtime=0),
    "missing.paths": "\n".join([*NAMES, "crawl-data/segment/wat/9.warc.wat.gz"]).encode(),
    "table.csv": TABLE,
    "table.csv.gz": gzip.compress(TABLE, mtime=0),
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pauses, input_file.PAUSES_S = input_file.PAUSES_S, (0.0,)
    with serve(FILES | {"table.parquet": parquet()}) as address:
        yield address
    input_file.PAUSES_S = pauses


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    rows = [line.split(",") for line in TABLE.decode().splitlines()[1:]]
    table = pa.table({"url": [row[0] for row in rows], "caption": [row[1] for row in rows]})
    pq.write_table(table, sink, row_group_size=9_000)
    return bytes(sink.getvalue())


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on a real server; yields its URL."""
    with serve_s3(FILES | {"table.parquet": parquet()}):
        yield f"s3://{BUCKET}"


def collect(root: Path, source: str, input_format: str = "wat", **options: Any) -> tuple[list[Any], dict[str, Any]]:
    """Collect `source`; return the candidates without their places, and the manifest's summary."""
    write_queries(root / "queries", ["red"])
    config = CollectConfig(
        input=source, input_format=input_format, queries=f"{root}/queries", output=f"{root}/candidates", **options
    )  # type: ignore[arg-type]
    summary: dict[str, Any] = run_collect(config, [])["summary"]
    return candidates(root), summary


def candidates(root: Path) -> list[Any]:
    table = pa.concat_tables([pq.read_table(path) for path in sorted((root / "candidates").glob("*.parquet"))])
    return [row for row in table.to_pylist() if row["caption"]]


def rejections(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(root / "candidates" / "rejections" / "collect.parquet").to_pylist()
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the same files give from the disk."""
    root = tmp_path_factory.mktemp("disk")
    for name, body in WATS.items():
        (root / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "in" / name).write_bytes(body)
    found, _ = collect(root, f"{root}/in/crawl-data/segment/wat/*.gz")
    assert len(found) == 16_000
    return found


@pytest.mark.parametrize("way", ["range", "whole", "flaky"])
def test_a_listing_over_http(way: str, server: str, expected: list[Any], tmp_path: Path) -> None:
    found, summary = collect(tmp_path, f"{server}/range/wat.paths.gz", paths_prefix=f"{server}/{way}")
    assert found == expected
    assert summary["rejected_by_reason"] == {}


def test_a_listing_on_s3(s3: str, expected: list[Any], tmp_path: Path) -> None:
    found, summary = collect(tmp_path, f"{s3}/wat.paths.gz", paths_prefix=f"{s3}/")
    assert found == expected
    assert summary["rejected_by_reason"] == {}


def test_a_glob_on_s3(s3: str, expected: list[Any], tmp_path: Path) -> None:
    found, _ = collect(tmp_path, f"{s3}/crawl-data/*/wat/*.warc.wat.gz")
    assert found == expected


def test_a_connection_that_breaks_in_mid_file(server: str, expected: list[Any], tmp_path: Path) -> None:
    found, summary = collect(tmp_path, f"{server}/cut/{NAMES[0]}")
    urls = {row["url"] for row in found}
    images = [f"http://a.example/{number}-{k}.jpg" for number in range(400) for k in range(20)]
    sure = cut_of(WATS[NAMES[0]]) - 2 * (64 << 10)
    whole = sum(1 for n in range(1, 401) if sum(len(wat_member(k)) for k in range(n)) <= sure)
    assert urls == set(images[: len(urls)])
    assert len(urls) >= 20 * whole > 2_000
    assert summary["rejected_by_reason"] in ({"file_unreadable": 1}, {"file_unreadable": 1, "member_unreadable": 1})
    (told,) = [row for row in rejections(tmp_path) if row["reason"] == "file_unreadable"]
    assert f"{server}/cut/{NAMES[0]}: cannot be read from byte" in told["value"]


@pytest.mark.parametrize("place", ["server", "s3"])
def test_a_file_of_a_listing_that_is_not_there(
    place: str, expected: list[Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(place)
    base += "/range" if place == "server" else ""
    found, summary = collect(tmp_path, f"{base}/missing.paths", paths_prefix=base)
    assert found == expected
    assert summary["rejected_by_reason"] == {"file_unreadable": 1}
    (told,) = rejections(tmp_path)
    assert told["source_file"] == "9.warc.wat.gz"
    assert told["value"] == f"FileNotFoundError: {base}/crawl-data/segment/wat/9.warc.wat.gz: no such file"


@pytest.mark.parametrize("place", ["server", "s3"])
def test_an_input_that_is_not_there(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    base = request.getfixturevalue(place) + ("/range" if place == "server" else "")
    with pytest.raises(FileNotFoundError, match=f"{base}/nothing.wat.gz"):
        collect(tmp_path, f"{base}/nothing.wat.gz")
    with pytest.raises(FileNotFoundError, match=f"{base}/nothing.csv"):
        collect(tmp_path, f"{base}/nothing.csv", "url_table")


@pytest.mark.parametrize(
    ("name", "place"),
    [("table.csv", "range"), ("table.csv", "whole"), ("table.csv", "s3"), ("table.csv.gz", "whole"),
     ("table.parquet", "range"), ("table.parquet", "s3")],
)  # fmt: skip
def test_tables(
    name: str, place: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", 100_000)
    base = request.getfixturevalue("s3") if place == "s3" else f"{request.getfixturevalue('server')}/{place}"
    found, summary = collect(tmp_path, f"{base}/{name}", "url_table")
    assert {(row["source_row"], row["url"]) for row in found} == {
        (n, f"http://a.example/{n}.jpg") for n in range(30_000)
    }
    assert summary["counts"]["rejected"] == 0


def test_parquet_needs_byte_ranges(server: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"table.parquet cannot be read \(file_unreadable: "):
        collect(tmp_path, f"{server}/whole/table.parquet", "url_table")


def test_a_table_whose_connection_breaks(server: str, tmp_path: Path) -> None:
    table = TABLE + b"".join(b"\n" + line for line in TABLE.split(b"\n")[1:] * 4)
    with serve({"table.csv": table}) as address:
        found, summary = collect(tmp_path, f"{address}/cut/table.csv", "url_table")
    counts = summary["counts"]
    assert len(found) == 30_000
    assert table[: cut_of(table) - (3 << 20)].count(b"\n") <= counts["matched_pairs"] < 5 * 30_000
    assert summary["rejected_by_reason"] == {"file_unreadable": 1}


def test_pages_over_http(server: str, tmp_path: Path) -> None:
    page = page_record("http://b.example/", "<img src=a.jpg alt='red thing'>")
    with serve({"a.warc.gz": gzip.compress(page, mtime=0), "a.warc": page}) as address:
        for name in ("a.warc.gz", "a.warc"):
            found, _ = collect(tmp_path / name, f"{address}/whole/{name}", "warc")
            assert [row["url"] for row in found] == ["http://b.example/a.jpg"]
