"""Heads of answers: where they end, their fields as the standard library has them, the length that they tell."""

import http.client
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http_answers.head import MAX_HEAD_BYTES, Head, MalformedAnswer, head_end, read_head

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)


VALUES = st.from_regex(r"([!-~\xa1-\xff]([ \t!-~\xa1-\xff]{0,20}[!-~\xa1-\xff])?)?", fullmatch=True)


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
