"""Further captions folded into rows and into ``.json``."""

import pyarrow as pa
import pytest

from pipeline.reshard.fold import fold, folded_json
from schemas.buffers import ID
from schemas.candidate import QUERY_IDS

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("captions", pa.list_(pa.string()), nullable=False),
        pa.field("pair_ids", pa.list_(ID), nullable=False),
        pa.field("query_ids", pa.list_(QUERY_IDS), nullable=False),
    ]
)


def table() -> pa.Table:
    rows = [
        {"key": key, "captions": [key], "pair_ids": [key.encode() * 16], "query_ids": [[1]]} for key in ("a", "b", "c")
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def further(*letters: str) -> dict:
    return {
        "captions": [f"further {letter}" for letter in letters],
        "pair_ids": [letter.encode() * 16 for letter in letters],
        "query_ids": [[2, 3]] * len(letters),
    }


def test_captions_go_behind_and_a_pair_that_is_there_is_passed_over() -> None:
    found, changed, captions = fold(table(), [(2, further("x", "c")), (0, further("y")), (2, further("x", "z"))])
    assert found["captions"].to_pylist() == [["a", "further y"], ["b"], ["c", "further x", "further z"]]
    assert found["query_ids"].to_pylist() == [[[1], [2, 3]], [[1]], [[1], [2, 3], [2, 3]]]
    assert found["pair_ids"].to_pylist()[2] == [b"c" * 16, b"x" * 16, b"z" * 16]
    assert found.schema == SCHEMA
    assert (changed, captions) == ({0, 2}, 3)


def test_nothing_new_changes_nothing() -> None:
    assert fold(table(), []) == (table(), set(), 0)
    assert fold(table(), [(1, further("b"))]) == (table(), set(), 0)


def test_a_json_keeps_its_form() -> None:
    row = {"captions": ["é", "b"], "pair_ids": [b"\x01" * 16, b"\x02" * 16], "query_ids": [[1], []]}
    assert (
        folded_json(b'{"a":0.1,"captions":["x"]}', row, "here")
        == (
            '{"a":0.1,"captions":["é","b"],"pair_ids":["' + "01" * 16 + '","' + "02" * 16 + '"],"query_ids":[[1],[]]}'
        ).encode()
    )
    with pytest.raises(ValueError, match=r"here: its \.json cannot be read"):
        folded_json(b"[]", row, "here")
