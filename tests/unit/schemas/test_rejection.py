"""Rejections: values are cut and stay text, reasons are from a list."""

import pytest

from schemas.rejection import MAX_VALUE_BYTES, Rejection, rejections


def test_a_rejected_value_is_cut_and_stays_text() -> None:
    broken = [("caption_not_utf8", "f", 0, b"\xff" * 5000), ("url_missing", "f", 1, "é" * 5000)]
    table = rejections("collect", [Rejection(*row) for row in broken])
    values = table["value"].to_pylist()
    assert all(len(value) <= MAX_VALUE_BYTES for value in values)
    assert values[1] == "é" * (MAX_VALUE_BYTES // 2)


def test_an_unknown_reason_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="add it to schemas/rejection"):
        rejections("collect", [Rejection("because", "f", 0, None)])
