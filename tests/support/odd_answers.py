"""HTTP answers as odd as real hosts write them: good ones, malformed ones, and failures with their reasons."""

import gzip
import zlib

import pyarrow as pa

from pipeline.download.outcome import Failure
from tests.support.download import picture

PICTURE = picture()
SIZE = len(PICTURE)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
WARNING = b"Warning: oops\r\n"


def answer(fields: bytes = b"", body: bytes = PICTURE, status: bytes = b"200 OK", length: bool = True) -> bytes:
    size = b"Content-Length: %d\r\n" % len(body) if length else b""
    return b"HTTP/1.1 " + status + b"\r\nContent-Type: image/jpeg\r\n" + size + fields + b"\r\n" + body


def in_lines(end: bytes) -> bytes:
    head, _, body = answer().partition(b"\r\n\r\n")
    return (head + b"\r\n\r\n").replace(b"\r\n", end) + body


def in_chunks(body: bytes, last: bytes = b"0\r\n\r\n", end: bytes = b"\r\n") -> bytes:
    pieces = [body[start : start + 300] for start in range(0, len(body), 300)]
    return b"".join(b"%x" % len(piece) + end + piece + end for piece in pieces) + last


def chunked(body: bytes, fields: bytes = CHUNKED) -> bytes:
    return answer(fields, body, length=False)


def coded(name: bytes, body: bytes) -> bytes:
    return answer(b"Content-Encoding: " + name + b"\r\n", body)


def gz(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def br(body: bytes) -> bytes:
    found: bytes = pa.compress(body, "brotli", asbytes=True)
    return found


def zstd(body: bytes) -> bytes:
    found: bytes = pa.compress(body, "zstd", asbytes=True)
    return found


WHOLE_RANGE = b"Content-Range: bytes 0-%d/%d\r\n" % (SIZE - 1, SIZE)
SAME_LENGTH = b"Content-Length: %d\r\n" % SIZE

GOOD = {
    "a policy of 9 KB": answer(b"Content-Security-Policy: " + b"a" * 9_000 + b"\r\n"),
    "a policy of 200 KB": answer(b"Content-Security-Policy: " + b"a" * 200_000 + b"\r\n"),
    "400 fields": answer(b"".join(b"X-%d: 1\r\n" % number for number in range(400))),
    "11 bytes behind the body": answer() + b"hello world",
    "bytes behind the body, then the end": answer(b"Connection: close\r\n") + b"hello world",
    "a half answer behind the body": answer() + b"HTTP/1.1 20",
    "the same length twice": answer(SAME_LENGTH),
    "the same length twice in a line": answer(b"Content-Length: %d, %d\r\n" % (SIZE, SIZE), length=False),
    "a name with a space": answer(b"X Name: v\r\n"),
    "a space before the colon": answer(b"Content-Length : %d\r\n" % SIZE, length=False),
    "a name of no token": answer(b"X(Name)@{}: v\r\n"),
    "no name": answer(b": v\r\n"),
    "203": answer(status=b"203 Non-Authoritative Information"),
    "201": answer(status=b"201 Created"),
    "206 of the whole": answer(WHOLE_RANGE, status=b"206 Partial Content"),
    "206 of the whole, written otherwise": answer(WHOLE_RANGE.replace(b"bytes ", b"Bytes="), status=b"206"),
    "LF": in_lines(b"\n"),
    "CR CR LF": in_lines(b"\r\r\n"),
    "LF, then CR LF": in_lines(b"\n").replace(b"\n\n", b"\n\r\n", 1),
    "CR LF, then LF": in_lines(b"\r\n").replace(b"\r\n\r\n", b"\r\n\n", 1),
    "folds": answer(b"X-A: a\r\n b\r\n\tc\r\n \r\n"),
    "a fold before the first field": answer().replace(b"OK\r\n", b"OK\r\n folded\r\n", 1),
    "Latin-1": answer(b"X-A: caf\xe9\r\n"),
    "UTF-8": answer("X-A: café\r\n".encode()),
    "control characters": answer(b"X-Robots-Tag: \x01\x02all\r\n"),
    "HTTP/1.0": answer().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/2 in text": answer().replace(b"HTTP/1.1", b"HTTP/2"),
    "http in lower case, two spaces": answer().replace(b"HTTP/1.1 ", b"http/1.1  "),
    "ICY": answer().replace(b"HTTP/1.1", b"ICY"),
    "icy in lower case, a tab": answer().replace(b"HTTP/1.1 ", b"icy\t"),
    "no reason phrase": answer(status=b"200"),
    "empty lines before": b"\r\n\r\n" + answer(),
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(),
    "until it closes": answer(length=False),
    "a length with words behind it": answer(b"Content-Length: %d bytes\r\n" % SIZE, length=False),
    "a negative length": answer(b"Content-Length: -1\r\n", length=False),
    "chunks": chunked(in_chunks(PICTURE)),
    "chunks beside their length": chunked(in_chunks(PICTURE), CHUNKED + SAME_LENGTH),
    "chunks beside another length": chunked(in_chunks(PICTURE), CHUNKED + b"Content-Length: 7\r\n"),
    "chunks with LF": chunked(in_chunks(PICTURE, b"0\n\n", b"\n")),
    "chunks with extension and trailers": chunked(in_chunks(PICTURE, b"0;a=b\r\nX: y\r\n\r\n")),
    "chunks without the last empty line": chunked(in_chunks(PICTURE, b"0\r\n")),
    "chunks, then more": chunked(in_chunks(PICTURE) + b"more"),
    "chunks in capitals": chunked(in_chunks(PICTURE), CHUNKED.replace(b"chunked", b"Chunked")),
    "chunked told, not done": chunked(PICTURE),
    "chunked told, not done, with a length": answer(CHUNKED),
    "chunks of gzip": chunked(in_chunks(gz(PICTURE)), b"Transfer-Encoding: gzip, chunked\r\n"),
    "gzip": coded(b"gzip", gz(PICTURE)),
    "x-gzip": coded(b"x-gzip", gz(PICTURE)),
    "GZIP": coded(b"GZIP", gz(PICTURE)),
    "gzip, surplus": coded(b"gzip", gz(PICTURE) + b"surplus"),
    "gzip, wrong check sum": coded(b"gzip", gz(PICTURE)[:-8] + b"12345678"),
    "gzip without its end": coded(b"gzip", gz(PICTURE)[:-8]),
    "gzip in two members": coded(b"gzip", gz(PICTURE[:500]) + gz(PICTURE[500:])),
    "deflate": coded(b"deflate", zlib.compress(PICTURE)),
    "raw deflate": coded(b"deflate", raw_deflate(PICTURE)),
    "br": coded(b"br", br(PICTURE)),
    "zstd": coded(b"zstd", zstd(PICTURE)),
    "gzip, gzip": coded(b"gzip, gzip", gz(gz(PICTURE))),
    "gzip twice in two lines": coded(b"gzip\r\nContent-Encoding: gzip", gz(gz(PICTURE))),
    "identity, gzip": coded(b"identity, gzip", gz(PICTURE)),
    "gzip, br": coded(b"gzip, br", br(gz(PICTURE))),
    "gzip, br in the other order": coded(b"gzip, br", gz(br(PICTURE))),
    "gzip told twice, done once": coded(b"gzip, gzip", gz(PICTURE)),
    **{f"{name} told, not done": coded(name.encode(), PICTURE) for name in ("gzip", "deflate", "br", "zstd", "none")},
}

MALFORMED = {
    "a line without a colon": answer(b"nonsense\r\n"),
    "a NUL": answer(b"X-A: a\0b\r\n"),
    "an empty length": answer(b"Content-Length: \r\n", length=False),
    "a length in words": answer(b"Content-Length: ten\r\n", length=False),
    "two lengths": answer(b"Content-Length: 7\r\n"),
    "an endless field": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000,
    "an endless status line": b"HTTP/1.1 200 " + b"a" * 1_000_000,
    "100,000 lines": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n" + PICTURE,
    "endless interim answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    "a head without an end": b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n",
    "a head cut": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "garbage": b"\x00\x01\x02garbage",
    "another protocol": b"220 ftp ready\r\n",
    "HTTP/0.9": PICTURE,
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 99 x\r\n\r\n",
    "another protocol, agreed on by nobody": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "a warning between chunks": chunked(in_chunks(PICTURE[:600], b"") + WARNING + in_chunks(PICTURE[600:])),
}


def part(which: bytes) -> bytes:
    return answer(b"Content-Range: bytes " + which + b"\r\n", status=b"206 Partial Content")


FAILURES = {
    "206 of a part": (part(b"0-%d/99999999" % (SIZE - 1)), Failure("http_error", 206)),
    "206 from the middle": (part(b"1-%d/%d" % (SIZE, SIZE + 1)), Failure("http_error", 206)),
    "206 of who knows what": (part(b"0-%d/*" % (SIZE - 1)), Failure("http_error", 206)),
    "206 that says nothing": (answer(status=b"206"), Failure("http_error", 206)),
    "206 of the whole, cut": (
        answer(WHOLE_RANGE, PICTURE[:-5], b"206"), Failure("body_truncated", 206, retryable=True),
    ),
    "204": (answer(body=b"", status=b"204 No Content"), Failure("http_error", 204)),
    "a redirect to nowhere": (answer(body=b"", status=b"302 Found"), Failure("http_error", 302)),
    "a body cut": (answer()[:-5], Failure("body_truncated", None, retryable=True)),
    "chunks cut": (chunked(in_chunks(PICTURE)[:-50]), Failure("body_truncated", None, retryable=True)),
    "chunks without the last one": (chunked(in_chunks(PICTURE, b"")), Failure("body_truncated", None, retryable=True)),
    "chunked, no chunk": (chunked(b""), Failure("body_truncated", None, retryable=True)),
    "gzip cut": (coded(b"gzip", gz(PICTURE)[:-30]), Failure("body_truncated", 200, retryable=True)),
    "zstd cut": (coded(b"zstd", zstd(PICTURE)[:-30]), Failure("body_truncated", 200, retryable=True)),
    "no answer": (b"", Failure("connect_failed", None, retryable=True)),
    "a bomb": (coded(b"gzip", gz(bytes(64 << 20))), Failure("body_too_large", 200)),
    "a bomb in a bomb": (coded(b"gzip, gzip", gz(gz(bytes(64 << 20)))), Failure("body_too_large", 200)),
    "a bomb of br": (coded(b"br", br(bytes(64 << 20))), Failure("body_too_large", 200)),
    "a bomb of zstd": (coded(b"zstd", zstd(bytes(64 << 20))), Failure("body_too_large", 200)),
}  # fmt: skip
