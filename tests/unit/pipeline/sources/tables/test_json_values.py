"""Values cut out of JSON lines, against Python's json: any objects, any names, any way to write them."""

import json
from typing import Any

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.sources.tables.json_values import JsonColumn, comparable, items_of, lines_of
from pipeline.sources.tables.value_kinds import BIG, BOOL, FLOAT, HUGE, INEXACT, INT, LIST, NEGATIVE, OBJECT, TEXT, UINT

NAMES = ["a", "b.c", "é", 'q"\\', "b"]
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(2**53 - 2, 2**53 + 2) | st.integers(2**63 - 2, 2**64 + 2)
    | st.floats() | st.text(max_size=4) | st.text(st.sampled_from('"\\{}[],: \n'), max_size=6)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "c", "x", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from([*NAMES, "x", "", "aa"]), values, max_size=5)


def kinds_of(value: Any) -> int:
    """Return the kinds of a value, in the simplest words."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        kinds = INT if -(2**63) <= value < 2**63 else UINT if 2**63 <= value < 2**64 else BIG
        exact = abs(value) < 2**64 and int(float(value)) == value
        return kinds | (NEGATIVE if value < 0 else 0) | (0 if exact else INEXACT)
    if isinstance(value, float):
        return FLOAT
    return TEXT if isinstance(value, str) else LIST if isinstance(value, list) else OBJECT


def without_huge(column: JsonColumn) -> list[int]:
    return [kind & ~HUGE for kind in column.kinds.tolist()]


def is_same(text: str | None, value: Any) -> bool:
    """Tell whether `text` is the plain text of `value`."""
    if value is None or isinstance(value, str):
        return text == value
    found = json.loads(text or "")
    return found == value or (value != value and found != found) or repr(found) == repr(value)


def inside(value: Any, name: str) -> Any:
    if name in value:
        return value[name]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


@given(st.lists(objects, max_size=6), st.booleans(), st.sampled_from([(",", ":"), (" , ", " : ")]), st.booleans())
@example([{"a": 1e308}, {"a": 1.0}, {"é": 0}, {'q"\\': "x"}], True, (",", ":"), False)
def test_values_are_those_of_python(
    found: list[dict[str, Any]], ascii_only: bool, separators: tuple[str, str], spaced: bool
) -> None:
    lines = [json.dumps(value, ensure_ascii=ascii_only, separators=separators) for value in found]
    block = "\n\n".join(f" {line} " if spaced else line for line in lines).encode("utf-8", "surrogatepass")
    read = lines_of(block)
    assert len(read.objects) == len(found)
    for name in NAMES:
        column = read.columns(NAMES)[name]
        expected = [inside(value, name) for value in found]
        assert without_huge(column) == [kinds_of(value) for value in expected], name
        assert all(map(is_same, column.texts.to_pylist(), expected)), name


@given(st.lists(values, min_size=1, max_size=5))
def test_items_are_those_of_python(found: list[Any]) -> None:
    column = lines_of("\n".join(json.dumps({"a": value}) for value in found).encode()).columns(["a"])["a"]
    parents, items = items_of(column)
    expected = [
        (row, item)
        for row, value in enumerate(found)
        for item in ((value or [None]) if isinstance(value, list) else [value])
    ]
    assert parents.tolist() == [row for row, _ in expected]
    assert without_huge(items) == [kinds_of(item) for _, item in expected]
    assert all(map(is_same, items.texts.to_pylist(), [item for _, item in expected]))


def test_names_with_escapes_are_names() -> None:
    read = lines_of(b'{"\\u0061": 1, "b": 2, "\\u0062": 3}\n{"\\u00e9": "x"}')
    assert read.columns(["a"])["a"].texts.to_pylist() == ["1", None]
    assert read.columns(["b"])["b"].texts.to_pylist() == ["3", None]  # the last of equal names, as Python has it
    assert read.columns(["é"])["é"].texts.to_pylist() == [None, "x"]


def test_numbers_out_of_range_are_told() -> None:
    texts = ["1e308", "1e309", "1e-290", "1e-400", "123e307", "1.5", "-0", "1E5", "18446744073709551616", "0.1e1"]
    column = lines_of("\n".join('{"a": ' + text + "}" for text in texts).encode()).columns(["a"])["a"]
    huge = [text for text, kind in zip(texts, column.kinds.tolist(), strict=True) if kind & HUGE]
    assert huge == ["1e308", "1e309", "1e-400", "123e307"]  # 1e308 is none, but close to the edge
    assert column.kinds.tolist()[-4:] == [INT, FLOAT, BIG | INEXACT, FLOAT]


def test_truths_and_numbers_are_compared_as_each_other() -> None:
    column = lines_of(b'{"a": true}\n{"a": 0.0}\n{"a": 2}\n{"a": "x"}\n{}\n{"a": false}').columns(["a"])["a"]
    assert comparable(column, "number").to_pylist() == ["1", "0.0", "2", "x", None, "0"]
    assert comparable(column, "bool").to_pylist() == ["true", "0", "1", "x", None, "false"]
    assert comparable(column, "text").to_pylist() == ["true", "0.0", "2", "x", None, "false"]
    texts = JsonColumn(pa.array(["x"]), column.kinds[3:4])
    assert comparable(texts, "number") is texts.texts
