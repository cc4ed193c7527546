"""Columns made text or another type: value by value, whatever the neighbours are."""

import datetime
from urllib.parse import unquote_to_bytes

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.tables.text_columns import as_text, as_type, as_utf8, percent_decoded


@settings(max_examples=100)
@given(st.lists(st.none() | st.text(st.sampled_from("a+%4fG1é "), max_size=9), max_size=5))
def test_percent_encoding_is_undone_as_urllib_does(texts: list[str | None]) -> None:
    found = percent_decoded(pa.array(["skipped", *texts], pa.string())[1:])
    expected = [None if text is None else unquote_to_bytes(text.replace("+", " ")) for text in texts]
    assert found.view(pa.binary()).to_pylist() == expected


def test_columns_become_the_type_that_holds_them() -> None:
    assert as_type(pa.array([1, None]), pa.float64()).to_pylist() == [1.0, None]
    assert as_type(pa.array(["a"]).dictionary_encode(), pa.string()).to_pylist() == ["a"]
    assert as_type(pa.array([[1.5]], pa.large_list(pa.float32())), pa.list_(pa.float64())).to_pylist() == [[1.5]]


def test_texts_of_other_types() -> None:
    assert as_type(pa.array([[1, None], None, []]), pa.string()).to_pylist() == ["[1, null]", None, "[]"]
    assert as_text(pa.array([{"a": "é", "b": datetime.date(2020, 1, 2)}])).to_pylist() == [
        '{"a": "é", "b": "2020-01-02"}'
    ]
    assert as_text(pa.array([datetime.date(2020, 1, 2), None])).to_pylist() == ["2020-01-02", None]
    assert as_text(pa.array([True, None])).to_pylist() == ["true", None]


def test_bytes_that_are_no_text_are_null_alone() -> None:
    raw = pa.array([b"ok", b"\xff", None, "é".encode()])
    assert as_utf8(raw).to_pylist() == ["ok", None, None, "é"]
    assert as_text(raw).view(pa.binary()).to_pylist() == raw.to_pylist()
    assert as_utf8(pa.array([1, None])).to_pylist() == ["1", None]
