"""The types of carried columns are those that hold the values of all parts, in whatever order these end."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.extra_columns import KINDS, empty_columns, settled_extra, with_settled
from pipeline.sources.source import Source
from pipeline.sources.tables.value_kinds import FLOAT, INT, TEXT
from schemas.json_object import JsonObject
from schemas.units import Unit

EXTRA = pa.struct([("score", pa.string()), ("note", pa.string()), ("size", pa.int32())])
SOURCE = cast(Source, SimpleNamespace(extra=EXTRA))


def part(**kinds: int) -> Unit:
    body = JsonObject({KINDS: JsonObject(kinds)})
    return Unit("part", [], body)


@given(st.lists(st.sampled_from([0, INT, FLOAT, TEXT]), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_type_does_not_depend_on_the_order_of_the_parts(kinds: list[int], shuffler: random.Random) -> None:
    parts = [part(score=kind, note=TEXT) for kind in kinds]
    found = settled_extra(SOURCE, parts)
    shuffler.shuffle(parts)
    assert settled_extra(SOURCE, parts) == found
    expected = pa.string() if TEXT in kinds or not any(kinds) else pa.float64() if FLOAT in kinds else pa.int64()
    assert [field.type for field in found] == [expected, pa.string(), pa.int32()]


def test_columns_without_a_value_in_any_part_are_named() -> None:
    assert empty_columns([part(score=0, note=0), part(score=INT, note=0)]) == ["note"]
    assert empty_columns([]) == []


def candidates(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({"caption": pa.array([str(n) for n in range(len(rows))]), "extra": pa.array(rows, EXTRA)})


def test_open_columns_become_what_they_settled_on_and_others_stay() -> None:
    rows = [{"score": "1", "note": "x", "size": 3}, {"score": "-0.5", "note": None, "size": None}]
    rows.append({"score": "Infinity", "note": "", "size": 0})
    extra = pa.struct([("score", pa.float64()), ("note", pa.string()), ("size", pa.int32())])
    found = with_settled(candidates(rows), extra)
    assert found.schema.field("extra").type == extra
    assert found["caption"].to_pylist() == ["0", "1", "2"]
    assert found["extra"].to_pylist() == [
        {"score": 1.0, "note": "x", "size": 3}, {"score": -0.5, "note": None, "size": None},
        {"score": float("inf"), "note": "", "size": 0},
    ]  # fmt: skip
    assert with_settled(found, extra) is found


def test_no_rows_have_the_type_too() -> None:
    extra = pa.struct([("score", pa.int64()), ("note", pa.string()), ("size", pa.int32())])
    assert with_settled(candidates([]), extra).schema.field("extra").type == extra
