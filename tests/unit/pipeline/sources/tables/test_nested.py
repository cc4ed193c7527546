"""Columns inside of columns by names with dots: type, path and values agree."""

import pyarrow as pa
import pytest

from pipeline.sources.tables.nested import column_at, path_to_read, type_at

KIND = pa.struct([("caption", pa.string()), ("more", pa.struct([("n", pa.int8())])), ("a.b", pa.string())])
TABLE = pa.table({
    "meta": pa.array([{"caption": "c", "more": {"n": 1}, "a.b": "x"}, None, {"caption": None, "more": None}], KIND),
    "texts": pa.array([[("alt", "one"), ("alt", "two")], None, []], pa.map_(pa.string(), pa.string())),
    "meta.more": ["of that very name", "", ""],
})  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "path", "values"),
    [
        ("meta.caption", pa.string(), "meta.caption", ["c", None, None]),
        ("meta.more.n", pa.int8(), "meta.more.n", [1, None, None]),
        ("meta.more", pa.string(), "meta.more", ["of that very name", "", ""]),
        ("texts.alt", pa.string(), "texts", ["two", None, None]),
        ("texts.title", pa.string(), "texts", [None, None, None]),
    ],
)
def test_a_name_with_dots_is_found(name: str, kind: pa.DataType, path: str, values: list[object]) -> None:
    assert type_at(TABLE.schema, name) == kind
    assert path_to_read(TABLE.schema, name) == path
    found = column_at(TABLE, name)
    assert found is not None
    assert found.to_pylist() == values


@pytest.mark.parametrize("name", ["", ".", "meta.", "meta.absent", "meta.caption.x", "absent.caption", "meta.a.b"])
def test_what_is_not_there_is_none(name: str) -> None:
    assert type_at(TABLE.schema, name) is None
    assert path_to_read(TABLE.schema, name) is None
    assert column_at(TABLE, name) is None
