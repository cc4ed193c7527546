"""A live answer is washed in pieces as at once, and comes out as a strict reader wants it."""

import pytest

from pipeline.http_answers.chunks import without_chunks
from pipeline.http_answers.head import MalformedAnswer
from pipeline.http_answers.washing import Washer
from tests.support.odd_answers import FAILURES, GOOD, MALFORMED, PICTURE

FIELDS = ("content-encoding", "location", "x-robots-tag")


def washed(pieces: list[bytes]) -> tuple[bytes, bool, str]:
    """Return (clean answer with its chunks joined, whether the connection is kept, the error's text)."""
    washer = Washer(FIELDS)
    clean = b""
    error = ""
    try:
        for piece in pieces:
            clean += washer.feed(piece)
        clean += washer.finish() if washer.is_begun else b""
    except MalformedAnswer as raised:
        return b"", False, str(raised)
    head, _, body = clean.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        body = without_chunks(body)[0]
    return head + b"\r\n\r\n" + body, washer.keeps_alive, error


ALL = GOOD | MALFORMED | {name: answer for name, (answer, _) in FAILURES.items()}


@pytest.mark.parametrize("name", [name for name, answer in ALL.items() if 0 < len(answer) < 20_000])
def test_an_answer_is_washed_in_pieces_as_at_once(name: str) -> None:
    answer = ALL[name]
    expected = washed([answer])
    for size in (1, 2, 3, 5, 64, 1_000):
        pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
        assert washed(pieces) == expected, size
    if name in GOOD and b"ontent-Encoding" not in answer and b"gzip" not in answer:
        assert expected[0].endswith(PICTURE)


def test_a_head_comes_out_clean() -> None:
    answer = (
        b"http/1.0 200\nX Bad: 1\nlocation: /a\n  b\x01\xe9\nContent-Length : 4, 4\nTransfer-Encoding: gzip\n"
        b"X-Robots-Tag: noai\nx-robots-tag: other: noindex\n\nbodysurplus"
    )
    assert washed([answer]) == (
        b"HTTP/1.1 200 OK\r\nlocation: /a b \xe9\r\nx-robots-tag: noai\r\nx-robots-tag: other: noindex\r\n"
        b"content-encoding: gzip\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody",
        False,
        "",
    )
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    assert washed([kept]) == (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", True, "")
    assert not washed([kept, b"HTTP/1.1 200 OK\r\n"])[1]
    assert washed([kept.replace(b"/1.1", b"/1.0").replace(b"\r\n\r\n", b"\r\nConnection: Keep-Alive\r\n\r\n")])[1]
    assert not washed([kept.replace(b"\r\n\r\n", b"\r\nConnection: x, Close\r\n\r\n")])[1]
