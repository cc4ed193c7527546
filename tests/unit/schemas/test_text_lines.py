"""Text files of any mark and line end give the same lines."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text_lines import numbered_lines, without_mark


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("cat\n\ngrün".encode(), id="plain"),
        pytest.param("cat\r\n\r\ngrün".encode("utf-8-sig"), id="Windows with a mark"),
        pytest.param("cat\r\rgrün".encode(), id="old Macs"),
        pytest.param(codecs.BOM_UTF16_LE + "cat\n\ngrün".encode("utf-16-le"), id="UTF-16 LE"),
        pytest.param(codecs.BOM_UTF16_BE + "cat\n\ngrün".encode("utf-16-be"), id="UTF-16 BE"),
    ],
)
def test_lines_of_any_writer(raw: bytes) -> None:
    assert numbered_lines(raw) == [(1, b"cat"), (2, b""), (3, "grün".encode())]


@given(st.text(max_size=20))
def test_a_mark_is_cut_once_and_nothing_else(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    assert without_mark(codecs.BOM_UTF8 + raw) == raw
    if not text.startswith("\ufeff"):
        assert without_mark(raw) == raw


def test_bytes_that_are_no_utf8_stay() -> None:
    assert without_mark(b"\xe9t\xe9") == b"\xe9t\xe9"
