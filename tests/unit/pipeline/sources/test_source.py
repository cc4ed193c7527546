"""What sources give: values of broken records are cut, rows are filtered with their numbers and kinds."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.source import Broken, InputFile, InputSplit, Rows, WholeFiles, first_line, is_unicode, raw_schema
from schemas.rejection import MAX_VALUE_BYTES


@pytest.mark.parametrize("value", ["é" * 10_000, b"\xff" * 10_000], ids=["text", "bytes"])
def test_a_broken_value_is_cut_at_once(value: str | bytes) -> None:
    found = Broken("row_malformed", 3, value).value
    assert isinstance(found, str)
    assert len(found.encode()) <= 3 * MAX_VALUE_BYTES
    assert Broken("row_malformed", 3).value is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=8), st.booleans())
def test_rows_are_filtered_together(rows: list[tuple[bool, int]], has_kinds: bool) -> None:
    keep = np.array([kept for kept, _ in rows], dtype=bool)
    values = [value for _, value in rows]
    kinds = {"n": np.array(values, dtype=np.uint16)} if has_kinds else None
    found = Rows(pa.table({"n": pa.array(values, pa.int64())}), np.arange(len(rows)), kinds).filtered(keep)
    assert found.table["n"].to_pylist() == [value for kept, value in rows if kept]
    assert found.numbers.tolist() == [number for number, (kept, _) in enumerate(rows) if kept]
    assert (found.kinds is not None) == has_kinds
    assert found.kinds is None or found.kinds["n"].tolist() == found.table["n"].to_pylist()


def test_names_of_any_bytes_are_told_apart_from_text() -> None:
    assert is_unicode("né\U0001f600")
    assert not is_unicode(b"\xff.jpg".decode("utf-8", "surrogateescape"))


def test_of_an_error_the_first_line() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == ""


def test_whole_files_are_a_split_each() -> None:
    files = WholeFiles([InputFile("/d/b.wat", "b.wat"), InputFile("/d/a.wat", "a.wat")], "d")
    assert files.splits() == [InputSplit(0, "/d/b.wat", "b.wat"), InputSplit(1, "/d/a.wat", "a.wat")]


def test_carried_columns_are_in_the_schema_when_there_are_any() -> None:
    extra = pa.struct([("score", pa.string())])
    assert raw_schema(extra).names == [*raw_schema(None).names, "extra"]
    assert raw_schema(pa.struct([])).equals(raw_schema(None))
