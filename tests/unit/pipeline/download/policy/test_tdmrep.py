"""tdmrep.json and the headers of TDMRep."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.policy.tdmrep import MAX_RULES, of_path, read_tdmrep, reservation


def rows(rules: Any, path: str) -> list[str]:
    found = read_tdmrep(json.dumps(rules).encode())
    assert found is not None
    return [signal.row for signal in of_path(found, path)]


def test_the_longest_location_holds() -> None:
    rules = [
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://a.example/terms"},
        {"location": "/free/*", "tdm-reservation": 0},
        {"location": "/free/*.png$", "tdm-reservation": 1},
    ]
    assert rows(rules, "/a.jpg") == ["tdm-reservation=1", "tdm-policy=given"]
    assert rows(rules, "/free/a.jpg") == ["tdm-reservation=0"]
    assert rows(rules, "/free/a.png") == ["tdm-reservation=1"]


@pytest.mark.parametrize(
    ("value", "word"), [(1, "1"), (0, "0"), ("1", "1"), (2, "other"), (True, "other"), ("yes", "other"), ([1], "other")]
)
def test_values_are_0_and_1(value: Any, word: str) -> None:
    assert rows([{"location": "/", "tdm-reservation": value}], "/a") == [f"tdm-reservation={word}"]


def test_entries_of_another_form_are_passed_over() -> None:
    assert rows([7, {"tdm-reservation": 1}, {"location": 3}, {"location": "a/"}], "/a/b") == []


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"<html>", b"[" * 100_000, b"\xff\xfe", json.dumps([{}] * (MAX_RULES + 1)).encode()],
    ids=["empty", "object", "page", "deep", "bytes", "too many"],
)  # fmt: skip
def test_what_is_no_list_is_none(data: bytes) -> None:
    assert read_tdmrep(data) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_none(data: bytes) -> None:
    read_tdmrep(data)


def test_header_values() -> None:
    found = reservation("header", [" 1", "x"], ["https://a.example"])
    assert [signal.row for signal in found] == ["tdm-reservation=1", "tdm-reservation=other", "tdm-policy=given"]
