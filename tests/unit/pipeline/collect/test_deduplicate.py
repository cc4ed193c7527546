"""Exact duplicates: the row kept is the smallest, whatever the order of the rows."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.deduplicate import deduplicate, partition_of
from schemas.candidate import candidate_schema

SCHEMA = candidate_schema(pa.struct([("score", pa.float32())]))

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "pair_id": st.sampled_from([bytes([n]) * 16 for n in (0, 1, 127, 128, 255)]),
            "image_id": st.just(bytes(16)),
            "url": st.sampled_from([None, "http://a/", "http://b/"]),
            "image_ref": st.sampled_from([None, {"root": "r", "member": "m", "offset": None, "length": None}]),
            "caption": st.sampled_from(["x", "y"]),
            "text_source": st.just("alt"),
            "source_file": st.sampled_from(["a", "b"]),
            "source_row": st.integers(0, 3),
            "license": st.sampled_from([None, "cc0"]),
            "query_ids": st.sampled_from([[1], [1, 2]]),
            "extra": st.sampled_from([{"score": None}, {"score": 0.5}]),
        }
    ),
    max_size=25,
)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows: list[dict[str, object]], shuffler: random.Random) -> None:
    first = deduplicate(pa.Table.from_pylist(rows, schema=SCHEMA))
    assert first["pair_id"].to_pylist() == sorted({row["pair_id"] for row in rows})
    shuffled = rows.copy()
    shuffler.shuffle(shuffled)
    assert deduplicate(pa.Table.from_pylist(shuffled, schema=SCHEMA)).equals(first)


def test_nulls_come_first() -> None:
    base = {"pair_id": bytes(16), "image_id": bytes(16), "caption": "x", "text_source": "alt", "source_file": "f",
            "source_row": 0, "query_ids": [1], "extra": None}  # fmt: skip
    rows = [{**base, "url": "http://a/"}, {**base, "url": None}]
    assert deduplicate(pa.Table.from_pylist(rows, schema=SCHEMA))["url"].to_pylist() == [None]


def test_partitions_are_the_top_bits() -> None:
    ids = pa.array([bytes([n]) + bytes(15) for n in (0, 63, 64, 128, 255)], pa.binary(16))
    table = pa.table({"pair_id": ids})
    assert partition_of(table["pair_id"], 4).tolist() == [0, 0, 1, 2, 3]
    assert partition_of(table["pair_id"], 1).tolist() == [0] * 5
    with pytest.raises(ValueError, match="power of two"):
        partition_of(table["pair_id"], 3)
