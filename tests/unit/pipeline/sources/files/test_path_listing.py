"""Listings of input files, as Common Crawl publishes them."""

import gzip
from pathlib import Path

import pytest

from pipeline.sources.files.path_listing import expand_inputs


def test_a_listing_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "wat.paths.gz").write_bytes(
        gzip.compress(b"crawl-data/b.warc.wat.gz\ncrawl-data/a.warc.wat.gz\n\n", mtime=0)
    )
    (tmp_path / "more.paths").write_text("s3://bucket/c.warc.wat.gz\n/data/d.warc.wat.gz\n")
    (tmp_path / "e.warc.wat.gz").write_bytes(b"x")
    assert expand_inputs(f"{tmp_path}/*", "https://data.commoncrawl.org").paths == [
        "/data/d.warc.wat.gz",
        f"{tmp_path}/e.warc.wat.gz",
        "https://data.commoncrawl.org/crawl-data/a.warc.wat.gz",
        "https://data.commoncrawl.org/crawl-data/b.warc.wat.gz",
        "s3://bucket/c.warc.wat.gz",
    ]


def test_a_local_prefix_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.paths").write_bytes(b"\xef\xbb\xbfx.parquet\n")  # a byte order mark
    assert expand_inputs("a.paths", "mirror").paths == [f"{tmp_path}/mirror/x.parquet"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "names no file", id="empty"),
        pytest.param(b"\x1f\x8bno", "expected a listing", id="broken gzip"),
    ],
)
def test_what_is_no_listing_is_told(tmp_path: Path, body: bytes, message: str) -> None:
    path = tmp_path / "a.paths.gz"
    path.write_bytes(body or gzip.compress(b"", mtime=0))
    with pytest.raises(ValueError, match=message):
        expand_inputs(str(path), "https://h/")
