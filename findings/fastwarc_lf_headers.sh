#!/usr/bin/env bash
# FastWARC 2.0.1 beside warcio 1.8.1, Python 3.11: HTTP headers whose lines end in LF alone.
#
# Old crawls hold responses as servers sent them, and RFC 9112 (2.2) lets a recipient take a single LF for a line end.
# warcio finds the header block's end at the first empty line. FastWARC's parse_http takes everything up to the first
# CRLF CRLF for headers: where the page itself has such a place, the page before it is gone; where there is none, the
# body is empty. No error, no log line, also with strict_mode off.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q fastwarc==2.0.1 warcio==1.8.1
"$folder/env/bin/python" - <<'PY'
import io
import sys

from fastwarc.warc import ArchiveIterator as FastArchive
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator


def record(http):
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://h/\r\nWARC-Date: 2009-01-01T00:00:00Z\r\n"
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def by_fastwarc(data):
    found = FastArchive(io.BytesIO(data), record_types=WarcRecordType.response, parse_http=True, strict_mode=False)
    return [one.reader.read() for one in found]


def by_warcio(data):
    return [one.content_stream().read() for one in ArchiveIterator(io.BytesIO(data))]


page = b'<img src=a.jpg alt="a red cat">'
parted = page + b"\r\n\r\n<p>end</p>"
seen = {}
for name, body in (("LF only", page), ("CRLF CRLF in the page", parted)):
    data = record(b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + body)
    seen[name] = by_fastwarc(data) == [body], by_warcio(data) == [body]
    print(f"{name}: warcio {by_warcio(data)}, FastWARC {by_fastwarc(data)}")
sys.exit(seen != dict.fromkeys(seen, (False, True)) and "changed")
PY
