"""Heads, chunks and the washing of live answers: in pieces as at once, and as the standard library has them."""

import http.client
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http_answers.chunks import Dechunker, is_chunked, without_chunks
from pipeline.http_answers.head import MAX_HEAD_BYTES, Head, MalformedAnswer, head_end, read_head
from pipeline.http_answers.washing import Washer
from tests.support.odd_answers import FAILURES, GOOD, MALFORMED, PICTURE, in_chunks

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
VALUES = st.from_regex(r"([!-~\xa1-\xff]([ \t!-~\xa1-\xff]{0,20}[!-~\xa1-\xff])?)?", fullmatch=True)
FIELDS = ("content-encoding", "location", "x-robots-tag")


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.sampled_from([b"\r\n", b"\n"]))
def test_fields_are_those_of_the_standard_library(fields: list[tuple[str, str]], end: bytes) -> None:
    lines = [f"{name}: {value}".encode("latin-1") for name, value in fields]
    block = end.join([b"HTTP/1.1 200 OK", *lines, b"", b""])
    expected = http.client.parse_headers(io.BytesIO(block.split(end, 1)[1]))
    found = read_head(block)
    assert (found.status, found.version, found.flaw) == (200, (1, 1), None)
    assert found.fields == {name.lower(): expected.get_all(name) for name, _ in fields}
    assert head_end(block + b"body") == len(block)


@pytest.mark.parametrize(
    ("block", "end"),
    [
        (b"A: b\n\nc\r\n\r\nd", 6), (b"A: b\r\n\r\nc\n\nd", 8), (b"A: b\r\n\nc", 7), (b"A: b\n\r\nc", 7),
        (b"A: b\r\r\n\r\r\nc", 10), (b"A: b\r\n", -1), (b"A: b\n \n\nc", 8), (b"", -1),
        (b"a" * MAX_HEAD_BYTES + b"\n\n", -1),
    ],
    ids=["LF before CRLF", "CRLF before LF", "CRLF LF", "LF CRLF", "CR CR LF", "no end", "a blank", "nothing", "long"],
)  # fmt: skip
def test_the_first_empty_line_ends_a_head(block: bytes, end: int) -> None:
    assert head_end(block) == end


@pytest.mark.parametrize(
    ("values", "length"),
    [(["5"], 5), (["5", "5"], 5), (["5, 5"], 5), (["-1"], None), (["0"], 0), ([" 7 "], 7), (["5;x"], 5)],
    ids=repr,
)
def test_lengths(values: list[str], length: int | None) -> None:
    assert Head(200, (1, 1), {"content-length": values}, None).length() == length


@pytest.mark.parametrize(
    "values", [[""], ["5", "6"], ["5, 6"], ["5a"], ["0x5"], ["+5"], ["-1", "5"], ["\xb2"], ["9" * 19]], ids=ascii
)
def test_lengths_that_are_none(values: list[str]) -> None:
    with pytest.raises(MalformedAnswer):
        Head(200, (1, 1), {"content-length": values}, None).length()


@given(st.binary(max_size=3_000), st.lists(st.integers(1, 400), max_size=30), st.sampled_from([b"\r\n", b"\n"]))
def test_chunks_come_off_in_pieces_as_at_once(body: bytes, sizes: list[int], end: bytes) -> None:
    framed = in_chunks(body, b"0" + end + end, end)
    assert without_chunks(framed + b"more") == (body, False)
    reader = Dechunker()
    held = b""
    for size in sizes:
        held += reader.feed(framed[:size])
        framed = framed[size:]
    assert held + reader.feed(framed + b"more") == body
    assert (reader.is_done, reader.is_broken, reader.rest) == (True, False, b"more")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<p>no chunk", (b"<p>no chunk", False)),
        (b"", (b"", False)),
        (b"2024\nwas a year", (b"was a year", True)),  # a chunk that ends early, as far as anybody can tell
        (b"2\nwas a year", (b"2\nwas a year", False)),  # the first chunk is followed by none
        (b"3\r\nabc\r\n5\r\nde", (b"abcde", True)),
        (b"3\r\nabc\r\noops", (b"3\r\nabc\r\noops", False)),
        (b"1\r\na\r\n2\r\nbc\r\noops\r\nmore", (b"abcoops\r\nmore", False)),
        (b" 3 ; name=value \r\nabc\r\n0\r\n\r\n", (b"abc", False)),
        (b"0\r\n\r\n", (b"", False)),
    ],
    ids=["none", "empty", "number", "small number", "cut", "one and no more", "two and no more", "extension", "last"],
)  # fmt: skip
def test_chunks_that_end_or_are_none(body: bytes, expected: tuple[bytes, bool]) -> None:
    assert without_chunks(body) == expected


def test_too_little_to_tell_whether_there_are_chunks() -> None:
    assert [is_chunked(body) for body in (b"", b"1f", b"1f;a", b"1f\r", b"1g", b"1f\r\n", b"<")] == [
        None, None, None, None, False, True, False,
    ]  # fmt: skip


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
