"""Small WARC and WAT files for the tests, and what a source reads from a file."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import RECORD, Broken, Dropped, Read


def record(kind: str, address: str, content_type: str, body: bytes) -> bytes:
    """Return a WARC record."""
    header = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {address}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return header.encode() + body + b"\r\n\r\n"


def wat_record(address: str, links: list[dict[str, str]], head: dict[str, Any] | None = None) -> bytes:
    """Return the metadata record of a page in Common Crawl's layout."""
    html = {"Head": head or {}, "Links": links}
    payload = {"HTTP-Response-Metadata": {"Headers": {"Server": "x"}, "HTML-Metadata": html}}
    body = json.dumps({"Container": {"Offset": "1"}, "Envelope": {"Payload-Metadata": payload}}, ensure_ascii=False)
    return record("metadata", address, "application/json", body.encode())


def page_record(address: str, page: str | bytes, headers: str = "Content-Type: text/html; charset=utf-8\r\n") -> bytes:
    """Return the response record of a page."""
    body = page.encode() if isinstance(page, str) else page
    http = b"HTTP/1.1 200 OK\r\n" + headers.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode()
    return record("response", address, "application/http; msgtype=response", http + body)


def packed(records: list[bytes]) -> bytes:
    """Return `records` compressed one by one."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def read(path: Path, input_format: str) -> tuple[list[dict[str, Any]], list[Broken], dict[str, int]]:
    """Return (rows, broken records, drops by reason) of the file at `path`."""
    source = formats.open_source(SourceOptions(input=str(path), input_format=input_format)).source  # type: ignore[arg-type]
    rows: list[dict[str, Any]] = []
    broken: list[Broken] = []
    drops: dict[str, int] = {}
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Broken):
                broken.append(item)
            elif isinstance(item, Dropped):
                drops[item.reason] = drops.get(item.reason, 0) + item.count
            elif not isinstance(item, Read):
                rows.extend(item.to_pylist())
    return rows, broken, drops


def counted(path: Path, input_format: str = "warc") -> tuple[Counter[str], int]:
    """Return (how many records of a file were read, left out or rejected, by which; how many pairs there are)."""
    source = formats.open_source(SourceOptions(input=str(path), input_format=input_format)).source  # type: ignore[arg-type]
    found: Counter[str] = Counter()
    pairs = 0
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Broken):
                found[item.reason] += 1
            elif isinstance(item, Read):
                found["read"] += item.count
                found["cut"] += item.num_cut
            elif isinstance(item, Dropped):
                found[item.reason] += item.count if item.reason.startswith(RECORD) else 0
            else:
                pairs += len(item)
    return +found, pairs
