"""Filter expressions on the columns of a table: `similarity > 0.3 and language == 'en'` in, a mask of rows out.

SQL's syntax (parsed by sqlglot, which runs nothing) and SQL's nulls: a comparison with a missing value is neither
true nor false, and only rows for which the whole is true stay. So that a table gives the same rows from Parquet, CSV
and JSON lines, what a column is compared with decides how its values are read:

- with a number, or in arithmetic: numbers as 64-bit floating point; a text is read as a number if it is one, else
  missing. Against a float32 column a literal is rounded to float32 first: 0.3 is then the 0.3 of the column.
- with a text: texts, byte by byte; a number is written out.
- with true or false, or alone (`not nsfw`): truth values; 1 and 0, 'true' and 'false' count as such.
"""

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp

from pipeline.sources.tables.text_columns import as_utf8

Kind = Literal["number", "text", "bool", "any"]

_COMPARE: dict[type[exp.Expression], Callable[..., Any]] = {
    exp.EQ: pc.equal, exp.NEQ: pc.not_equal, exp.GT: pc.greater, exp.GTE: pc.greater_equal, exp.LT: pc.less,
    exp.LTE: pc.less_equal,
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expression], Callable[..., Any]] = {
    exp.Add: pc.add, exp.Sub: pc.subtract, exp.Mul: pc.multiply, exp.Div: pc.divide,
}  # fmt: skip
_CALCULATES: tuple[type[Any], ...] = tuple(_ARITHMETIC)
_COMPARES: tuple[type[Any], ...] = (*_COMPARE, exp.Between, exp.In, exp.Like, exp.ILike)
_HELP = (
    "use columns, numbers, 'texts', true, false, = == != <> < <= > >=, + - * /, and, or, not, in (...), "
    "between ... and ..., like, ilike, is null, is not null; a column with a blank in its name stands in double quotes"
)
_NUMBER = r"^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$"
_EXACT = 2**53
"""Above this, integers are not all told apart as floating point."""


class Where:
    """One parsed expression."""

    def __init__(self, text: str) -> None:
        """Parse `text`. Raises ValueError that says what is wrong with it."""
        try:
            trees = [tree for tree in sqlglot.parse(text) if tree is not None]
        except (sqlglot.errors.SqlglotError, RecursionError) as error:
            raise ValueError(f"--where {text!r}: {_where_it_breaks(error)}; {_HELP}") from None
        self._text = text
        if len(trees) != 1:
            raise ValueError(f"--where {text!r}: expected one expression, found {len(trees)}; {_HELP}")
        self._tree: Any = trees[0]
        self.kinds: dict[str, Kind] = {}
        """The columns, and how their values are read."""
        self._learn(self._tree)
        if not self.kinds:
            raise ValueError(f"--where {text!r}: it names no column; {_HELP}")

    def keeps(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Tell which rows of `table` the expression is true for. The table has all the columns of `kinds`."""
        found = _condition(self._tree, table)
        return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)

    def bound(self, schema: pa.Schema) -> pc.Expression:
        """Return an expression that is true for every row the whole is true for, as far as statistics can tell.

        For leaving out row groups of Parquet by their least and greatest values.
        """
        return _bound(self._tree, schema)

    def _learn(self, node: Any) -> None:
        """Check a condition and note its columns."""
        if isinstance(node, exp.Paren):
            self._learn(node.this)
        elif isinstance(node, exp.And | exp.Or):
            self._learn(node.this)
            self._learn(node.expression)
        elif isinstance(node, exp.Not):
            self._learn(node.this)
        elif isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            self._operand(node.this, "any")
        elif isinstance(node, exp.Column | exp.Boolean):
            self._operand(node, "bool")
        elif isinstance(node, _COMPARES):
            operands = _operands(node)
            kinds = {kind for operand in operands if (kind := _literal_kind(operand)) != "any"}
            if len(kinds) > 1:
                raise ValueError(f"--where {self._text!r}: {node.sql()!r} compares {' with '.join(sorted(kinds))}")
            for operand in operands:
                self._operand(operand, _kind_of(node))
        else:
            raise self._unknown(node)

    def _operand(self, node: Any, kind: Kind) -> None:
        if isinstance(node, exp.Paren | exp.Neg):
            self._operand(node.this, kind)
        elif isinstance(node, _CALCULATES):
            self._operand(node.this, "number")
            self._operand(node.expression, "number")
        elif isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier):
            known = self.kinds.get(node.name)
            self.kinds[node.name] = kind if known in (None, "any", kind) else known if kind == "any" else "text"
        elif not isinstance(node, exp.Literal | exp.Boolean):
            raise self._unknown(node)

    def _unknown(self, node: Any) -> ValueError:
        return ValueError(f"--where {self._text!r}: {node.sql()!r} is not understood; {_HELP}")


def _where_it_breaks(error: Exception) -> str:
    """Return in words where a text is no expression; sqlglot's own words hold colours and names of its classes."""
    found = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if not found.get("highlight"):
        return "it is no whole expression: a quote, a bracket or an operand lacks"
    return (
        f"it is no whole expression: something is wrong or lacks at {found['highlight']!r} (character {found['col']})"
    )


def _operands(node: Any) -> list[Any]:
    if isinstance(node, exp.Between):
        return [node.this, node.args["low"], node.args["high"]]
    if isinstance(node, exp.In):
        return [node.this, *node.expressions, *([node.args["query"]] if node.args.get("query") else [])]
    return [node.this, node.expression]


def _literal_kind(node: Any) -> Kind:
    if isinstance(node, exp.Paren):
        return _literal_kind(node.this)
    if isinstance(node, exp.Boolean):
        return "bool"
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    return "number" if isinstance(node, (*_CALCULATES, exp.Neg)) else "any"


def _kind_of(node: Any) -> Kind:
    """Return how the operands of a comparison are read: as its literals are; two columns are compared as numbers."""
    if isinstance(node, exp.Like | exp.ILike):
        return "text"
    return next((kind for operand in _operands(node) if (kind := _literal_kind(operand)) != "any"), "number")


def _condition(node: Any, table: pa.Table) -> Any:
    if isinstance(node, exp.Paren):
        return _condition(node.this, table)
    if isinstance(node, exp.And):
        return pc.and_kleene(_condition(node.this, table), _condition(node.expression, table))
    if isinstance(node, exp.Or):
        return pc.or_kleene(_condition(node.this, table), _condition(node.expression, table))
    if isinstance(node, exp.Not):
        return pc.invert(_condition(node.this, table))
    if isinstance(node, exp.Is):
        return pc.is_null(_value(node.this, "any", table))
    if isinstance(node, exp.Column):
        return _value(node, "bool", table)
    if isinstance(node, exp.Boolean):
        return pa.array(np.full(len(table), bool(node.this)))
    kind = _kind_of(node)
    if isinstance(node, exp.Like | exp.ILike):
        texts = _value(node.this, kind, table)
        return pc.match_like(texts, node.expression.name, ignore_case=isinstance(node, exp.ILike))
    values = [_value(operand, kind, table) for operand in _operands(node)]
    if kind == "number" and _is_float32(node, table):
        values = [_rounded(value) if isinstance(value, pa.Scalar) else value for value in values]
    values = [pa.repeat(cast(Any, value), len(table)) if isinstance(value, pa.Scalar) else value for value in values]
    if isinstance(node, exp.Between):
        return pc.and_kleene(pc.greater_equal(values[0], values[1]), pc.less_equal(values[0], values[2]))
    if isinstance(node, exp.In):
        found = pc.equal(values[0], values[1])
        for value in values[2:]:
            found = pc.or_kleene(found, pc.equal(values[0], value))
        return found
    return _COMPARE[type(node)](*values)


def _is_float32(node: Any, table: pa.Table) -> bool:
    """Tell whether a float32 column itself (not in arithmetic) is compared."""
    columns = [operand.name for operand in _operands(node) if isinstance(operand, exp.Column)]
    return any(table.schema.field(name).type in (pa.float32(), pa.float16()) for name in columns)


def _rounded(value: pa.Scalar) -> pa.Scalar:
    return pa.scalar(float(np.float32(value.as_py())), pa.float64())


def _value(node: Any, kind: Kind, table: pa.Table) -> Any:
    """Return an operand as array, or as scalar when it is a literal."""
    if isinstance(node, exp.Paren):
        return _value(node.this, kind, table)
    if isinstance(node, exp.Neg):
        return pc.negate(_value(node.this, "number", table))
    if isinstance(node, _CALCULATES):
        return _ARITHMETIC[type(node)](_value(node.this, "number", table), _value(node.expression, "number", table))
    if isinstance(node, exp.Boolean):
        return pa.scalar(bool(node.this))
    if isinstance(node, exp.Literal):
        return pa.scalar(node.this) if node.is_string else pa.scalar(float(node.this))
    column = table[node.name].combine_chunks()
    if kind == "any":
        return column
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if kind == "text" or not (pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type)):
        column = as_utf8(column)
    return {"number": _numbers, "text": as_utf8, "bool": _truths}[kind](column)


def _numbers(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_string(kind):
        texts = pc.utf8_trim_whitespace(column)
        try:
            return texts.cast(pa.float64())
        except pa.ArrowInvalid:
            plain = pc.match_substring_regex(texts, _NUMBER)
            return pc.if_else(plain, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.float64(), safe=False)
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    return pa.nulls(len(column), pa.float64())


def _truths(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_string(kind):
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        true = pc.is_in(lower, pa.array(["true", "1", "1.0"]))
        known = pc.is_in(lower, pa.array(["true", "1", "1.0", "false", "0", "0.0"]))
        return pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    return pc.not_equal(_numbers(column), pa.scalar(0.0))


def _bound(node: Any, schema: pa.Schema) -> pc.Expression:
    if isinstance(node, exp.Paren):
        return _bound(node.this, schema)
    if isinstance(node, exp.And):
        return _bound(node.this, schema) & _bound(node.expression, schema)
    if isinstance(node, exp.Or):
        return _bound(node.this, schema) | _bound(node.expression, schema)
    if isinstance(node, exp.Between):
        column, low, high = _operands(node)
        return _bound(exp.GTE(this=column, expression=low), schema) & _bound(
            exp.LTE(this=column, expression=high), schema
        )
    if isinstance(node, exp.In):
        column, *values = _operands(node)
        parts = [_bound(exp.EQ(this=column, expression=value), schema) for value in values]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole | part
        return whole
    if isinstance(node, exp.EQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        left, right = node.this, node.expression
        if isinstance(left, exp.Column) and (value := _literal_as(right, schema.field(left.name).type)) is not None:
            return _COMPARE[type(node)](pc.field(left.name), value)
    return pc.scalar(True)  # statistics do not tell


def _literal_as(node: Any, kind: pa.DataType) -> pa.Scalar | None:
    """Return a literal in the type of its column, None when the comparison is not made in that type."""
    sign = 1.0
    while isinstance(node, exp.Paren | exp.Neg):
        sign = -sign if isinstance(node, exp.Neg) else sign
        node = node.this
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return pa.scalar(node.this, kind) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None
    number = sign * float(node.this)
    if kind == pa.float32():
        return pa.scalar(np.float32(number), kind)
    if kind == pa.float64():
        return pa.scalar(number, kind)
    if pa.types.is_integer(kind) and number.is_integer() and abs(number) < _EXACT:
        try:
            return pa.scalar(int(number), kind)
        except (pa.ArrowInvalid, OverflowError):
            return None
    return None
