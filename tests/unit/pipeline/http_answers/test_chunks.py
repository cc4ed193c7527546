"""Chunks come off in pieces as at once, and what is none stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http_answers.chunks import Dechunker, is_chunked, without_chunks
from tests.support.odd_answers import in_chunks


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
