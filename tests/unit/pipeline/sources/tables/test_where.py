"""Filter expressions: as Python evaluates them with SQL's nulls, the same on every column type, errors that help."""

import json
import operator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.tables.parquet_rows import possible_groups
from pipeline.sources.tables.where import Where

COLUMNS = ["n", "m", "s", "b"]
Rows = list[dict[str, Any]]

rows = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.sampled_from([-1.5, 0.0, 0.3, 2.0, 7.0]),
            "m": st.none() | st.integers(-2, 7),
            "s": st.none() | st.sampled_from(["en", "de", "e%", "2", "é"]),
            "b": st.none() | st.booleans(),
        }
    ),
    max_size=12,
)
OPERATORS = {"==": operator.eq, "=": operator.eq, "!=": operator.ne, "<>": operator.ne, ">": operator.gt,
             ">=": operator.ge, "<": operator.lt, "<=": operator.le}  # fmt: skip
number = st.sampled_from(["-1.5", "0", "0.3", "2", "7e0"])
text = st.sampled_from(["en", "2", "é"])


def known(*values: Any) -> bool:
    return all(value is not None for value in values)


def compare(name: str, sign: str, value: Any) -> tuple[str, Any]:
    shown = f"'{value}'" if isinstance(value, str) else str(value)
    return f"{name} {sign} {shown}", lambda row: OPERATORS[sign](row[name], value) if known(row[name]) else None


simple = st.one_of(
    st.tuples(st.sampled_from(["n", "m"]), st.sampled_from(list(OPERATORS)), number.map(float)).map(
        lambda a: compare(*a)
    ),
    st.tuples(st.just("s"), st.sampled_from(list(OPERATORS)), text).map(lambda a: compare(*a)),
    st.just(("b", lambda row: row["b"])),
    st.just(("b == false", lambda row: None if row["b"] is None else not row["b"])),
    st.just(("s in ('en', '2')", lambda row: row["s"] in ("en", "2") if known(row["s"]) else None)),
    st.just(("m not in (0, 2)", lambda row: row["m"] not in (0, 2) if known(row["m"]) else None)),
    st.just(("n between -1 and 2", lambda row: -1 <= row["n"] <= 2 if known(row["n"]) else None)),
    st.just(("s like 'e%'", lambda row: row["s"].startswith("e") if known(row["s"]) else None)),
    st.just(("n is null", lambda row: row["n"] is None)),
    st.just(("s is not null", lambda row: row["s"] is not None)),
    st.just(("n > m", lambda row: row["n"] > row["m"] if known(row["n"], row["m"]) else None)),
    st.just(("n + 1 <= 2 * m", lambda row: row["n"] + 1 <= 2 * row["m"] if known(row["n"], row["m"]) else None)),
)


def negated(inner: tuple[str, Any]) -> tuple[str, Any]:
    return f"not ({inner[0]})", lambda row: None if (found := inner[1](row)) is None else not found


def joined(parts: tuple[tuple[str, Any], str, tuple[str, Any]]) -> tuple[str, Any]:
    (left, left_of), word, (right, right_of) = parts
    decisive = word == "or"

    def of(row: dict[str, Any]) -> Any:
        values = [left_of(row), right_of(row)]
        return decisive if decisive in values else None if None in values else not decisive

    return f"({left}) {word} ({right})", of


expressions = st.recursive(
    simple,
    lambda inner: inner.map(negated) | st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(joined),
    max_leaves=5,
)


def typed(table: Rows) -> pa.Table:
    schema = pa.schema([("n", pa.float64()), ("m", pa.int32()), ("s", pa.string()), ("b", pa.bool_())])
    return pa.Table.from_pylist(table, schema=schema)


def as_csv(table: Rows) -> pa.Table:
    """Everything is text, as in a CSV."""
    written = [{name: None if value is None else value if isinstance(value, str) else json.dumps(value)
                for name, value in row.items()} for row in table]  # fmt: skip
    return pa.Table.from_pylist(written, schema=pa.schema([(name, pa.string()) for name in COLUMNS]))


@settings(max_examples=40)
@given(rows, expressions)
def test_the_rows_kept_are_those_python_would_keep_in_any_format(table: Rows, expression: tuple[str, Any]) -> None:
    where = Where(expression[0])
    expected = [expression[1](row) is True for row in table]
    assert where.keeps(typed(table)).tolist() == expected
    assert where.keeps(as_csv(table)).tolist() == expected


@settings(max_examples=15)
@given(rows.filter(bool), expressions)
def test_no_row_group_with_a_kept_row_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, table: Rows, expression: tuple[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "t.parquet"
    pq.write_table(typed(table), path, row_group_size=3)
    where = Where(expression[0])
    possible = possible_groups(str(path), list(range(-(-len(table) // 3))), typed([]).schema, where)
    kept = where.keeps(typed(table)).nonzero()[0]
    assert {int(row) // 3 for row in kept} <= possible


def test_float32_columns_are_compared_as_their_text_would_be() -> None:
    values = ["0.1", "0.29999998", "0.3", "0.30000004", "0.7"]
    narrow = pa.table({"n": pa.array(list(map(float, values)), pa.float32())})
    for sign in OPERATORS:
        where = Where(f"n {sign} 0.3")
        assert where.keeps(narrow).tolist() == where.keeps(pa.table({"n": values})).tolist(), sign


def test_text_that_is_no_number_is_missing_and_changes_no_neighbour() -> None:
    table = pa.table({"n": [" 1.5 ", "many", "", "1e1", None, "0x10", "-3."]})
    assert Where("n > 1").keeps(table).tolist() == [True, False, False, True, False, False, False]
    assert Where("not (n > 1)").keeps(table).tolist() == [False] * 6 + [True]
    assert Where("n / 0 > 1").keeps(table).tolist() == [True, False, False, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n >", r"--where 'n >': .* lacks at '>' \(character 3\); use"),
        ("n > 1; drop table t", "expected one expression, found 2"),
        ("upper(s) = 'A'", r"'UPPER\(s\)' is not understood"),
        ("select 1", "'SELECT 1' is not understood; use columns"),
        ("n > 1 m", "'n > 1 AS m' is not understood"),
        ("n = null", "'NULL' is not understood"),
        ("n in (select 1)", "is not understood"),
        ("n in (1, 'a')", "compares number with text"),
        ("t.n > 1", "is not understood"),
        ("1 = 1", "it names no column"),
        ("", "expected one expression, found 0"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_what_can(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Where(text)


@pytest.mark.parametrize(
    "text",
    ["caption >", "n > (1", "a = 'x", "n > 1 and", "n in (", "case when", "upper(s)", "(" * 3000 + "n" + ")" * 3000],
    ids=["operand", "bracket", "quote", "and", "in", "case", "function", "deep"],
)
def test_a_message_has_plain_words_only(text: str) -> None:
    with pytest.raises(ValueError, match="--where") as refused:
        Where(text)
    assert str(refused.value).isprintable()
    assert "sqlglot" not in str(refused.value)
    assert "class" not in str(refused.value)


def test_columns_tell_how_they_are_read() -> None:
    assert Where("similarity > 0.3 and language == 'en' and not nsfw and \"Image URL\" is not null").kinds == {
        "similarity": "number",
        "language": "text",
        "nsfw": "bool",
        "Image URL": "any",
    }


def test_statistics_are_used_where_they_tell(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(100), pa.float32()), "m": range(100), "s": [f"{i:03}" for i in range(100)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10)
    for text, groups in [("n > 85.5", {8, 9}), ("m between 11 and 19", {1}), ("s in ('005', '099')", {0, 9}),
                         ("n < 5 or m >= 95", {0, 9}), ("not (n > 5)", set(range(10)))]:  # fmt: skip
        found = possible_groups(str(tmp_path / "t.parquet"), list(range(10)), table.schema, Where(text))
        assert found == groups, text
