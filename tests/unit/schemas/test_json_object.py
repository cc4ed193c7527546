"""Objects of JSON files name their file when something in them is missing or of another kind."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_object import JsonObject, MissingKey, parse_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def objects_in(value: object) -> list[JsonObject]:
    if isinstance(value, list):
        return [found for item in value for found in objects_in(item)]
    inside = [found for item in value.values() for found in objects_in(item)] if isinstance(value, dict) else []
    return [value, *inside] if isinstance(value, JsonObject) else inside


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
def test_an_object_is_what_json_says_and_every_object_in_it_knows_the_file(value: dict[str, object]) -> None:
    found = parse_object(json.dumps(value).encode(), "a.json")
    assert found == value
    assert {one.where for one in objects_in(found)} == {"a.json"}


def test_a_key_that_is_missing_names_file_and_keys() -> None:
    found = parse_object(b'{"a": [{"b": 1}]}', "a.json")
    with pytest.raises(MissingKey, match=r"a\.json: expected a key 'c', found 'b'; the file is damaged"):
        found["a"][0]["c"]
    with pytest.raises(LookupError, match="found none"):
        parse_object(b"{}", "a.json")["c"]
    assert found.get("c") is None


@pytest.mark.parametrize("value", ["-1", "true", "1.0", '"1"', "null", "9223372036854775808"])
def test_what_is_no_count_is_refused(value: str) -> None:
    found = parse_object(f'{{"n": {value}, "all": {{"x": {value}}}}}'.encode(), "a.json")
    with pytest.raises(ValueError, match=r"a\.json: expected 'n' to be a whole number from 0"):
        found.count("n")
    with pytest.raises(ValueError, match=r"a\.json: expected 'x' to be a whole number from 0"):
        found.counts("all")


def test_counts_are_returned() -> None:
    found = parse_object(b'{"n": 9223372036854775807, "all": {"x": 0, "y": 2}, "list": [1]}', "a.json")
    assert found.count("n") == 2**63 - 1
    assert found.counts("all") == {"x": 0, "y": 2}
    with pytest.raises(ValueError, match="expected 'list' to be an object of counts"):
        found.counts("list")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected JSON in UTF-8"), (b"{", "damaged or cut off"), (b'{"a": "\xff"}', "expected JSON in UTF-8"),
        (b"[1]", "expected a JSON object, found list"), (b"[" * 100_000, "expected JSON in UTF-8"),
    ],
    ids=["nothing", "cut", "no UTF-8", "list", "deep"],
)  # fmt: skip
def test_what_is_no_object_is_told_with_the_file(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.json: .*{message}"):
        parse_object(data, "a.json")
