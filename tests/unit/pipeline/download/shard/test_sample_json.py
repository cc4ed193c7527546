"""A sample's JSON: values of every Arrow type have one JSON type, and what is not there is told."""

import datetime
import decimal
import json

import pyarrow as pa
import pytest

from pipeline.download.shard.sample_json import empty_value, json_value, sample_json
from pipeline.download.shard.table import ImageResult
from schemas.sample import extra_names

STRUCT = pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))])

VALUES = [
    (pa.bool_(), True, True, False),
    (pa.int64(), 7, 7, 0),
    (pa.float32(), 9.0, 9.0, 0.0),
    (pa.float64(), float("nan"), None, 0.0),
    (pa.float64(), float("-inf"), None, 0.0),
    (pa.decimal128(5, 2), decimal.Decimal("1.50"), 1.5, 0.0),
    (pa.string(), "é", "é", ""),
    (pa.binary(), b"\x00\xff", "00ff", ""),
    (pa.dictionary(pa.int8(), pa.string()), "word", "word", ""),
    (pa.date32(), datetime.date(2026, 1, 2), "2026-01-02", ""),
    (pa.timestamp("us"), datetime.datetime(2026, 1, 2, 3), "2026-01-02T03:00:00", ""),
    (pa.list_(pa.float32()), [1.0, None], [1.0, 0.0], []),
    (STRUCT, {"a": None, "b": None}, {"a": 0, "b": []}, {"a": 0, "b": []}),
    (pa.map_(pa.string(), pa.int8()), [("k", 1), ("l", None)], [["k", 1], ["l", 0]], []),
    (pa.null(), None, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "as_json", "empty"), VALUES, ids=[f"{n} {v[0]}" for n, v in enumerate(VALUES)]
)
def test_each_type_has_one_type_in_json(kind: pa.DataType, value: object, as_json: object, empty: object) -> None:
    (read,) = pa.array([value], kind).to_pylist()
    assert repr(json_value(read, kind)) == repr(as_json)
    assert json_value(None, kind) is None
    assert repr(empty_value(kind)) == repr(empty)
    json.dumps([as_json, empty], allow_nan=False)


def image(**extra: object) -> dict:
    return {
        "key": "k", "url": None, "caption": "c", "captions": ["c"], "pair_ids": [b"p" * 16], "query_ids": [[1]],
        "image_id": b"i" * 16, "image_ref": None, "license": None, "extra": [extra],
    }  # fmt: skip


def test_what_has_no_value_is_named() -> None:
    kind = pa.struct([("score", pa.float64()), ("Url", pa.string()), ("note", pa.string())])
    result = ImageResult(None, 200, 1, 2, 3, 4, "s")
    found = json.loads(sample_json(image(score=1, Url=None, note=""), result, kind))
    assert (found["score"], found["extra_Url"], found["note"], found["missing"]) == (1, "", "", "extra_Url")
    assert found["url"] == found["license"] == ""
    assert found["image_ref"] == {"root": "", "member": ""}
    assert "missing" not in json.loads(sample_json(image(), result, pa.struct([])))


def test_names_that_are_taken_get_another() -> None:
    """Also in other case, which Spark and DuckDB do not tell apart."""
    names = ["WIDTH", "score", "Score", "extra", "extra_width", "caption", "missing"]
    found = extra_names(pa.struct([(name, pa.int8()) for name in names]))
    assert list(found) == names
    assert list(found.values()) == [
        "extra_WIDTH", "score", "extra_Score", "extra_extra", "extra_extra_width", "extra_caption", "extra_missing",
    ]  # fmt: skip
