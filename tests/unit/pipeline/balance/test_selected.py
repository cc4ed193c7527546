"""Selected pairs to shards: every image is in one place, with its key, whatever is asked for first."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.selected import (
    image_partition,
    image_starts,
    in_shard_order,
    matches_per_image,
    shard_rows,
    slice_images,
)
from schemas.buffers import ID
from schemas.candidate import selection_schema

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20)
"""(image, rank) of each pair."""


def selected(rows: list[tuple[int, int]]) -> pa.Table:
    images = [hashlib.md5(bytes([image])).digest() for image, _ in rows]
    pairs = [hashlib.md5(number.to_bytes(4, "big")).digest() for number in range(len(rows))]
    ranks = pa.array([rank for _, rank in rows], pa.uint64())
    return pa.table({"pair_id": pa.array(pairs, ID), "image_id": pa.array(images, ID), "rank": ranks})


@given(ROWS)
def test_pairs_are_sorted_by_image_rank_and_pair(rows: list[tuple[int, int]]) -> None:
    found = in_shard_order(selected(rows)).to_pylist()
    assert found == sorted(selected(rows).to_pylist(), key=lambda r: (r["image_id"], r["rank"], r["pair_id"]))


@given(ROWS, st.integers(0, 7), st.integers(0, 7))
def test_a_slice_of_images_is_all_pairs_of_these_images(rows: list[tuple[int, int]], begin: int, size: int) -> None:
    ordered = in_shard_order(selected(rows))
    images = sorted(set(ordered["image_id"].to_pylist()))
    wanted = set(images[begin : begin + size])
    expected = [row for row in ordered.to_pylist() if row["image_id"] in wanted]
    assert slice_images(ordered, begin, begin + size).to_pylist() == expected
    assert slice_images(ordered, begin, begin + size, image_starts(ordered)).to_pylist() == expected


@given(ROWS)
def test_matches_are_summed_by_image(rows: list[tuple[int, int]]) -> None:
    ordered = in_shard_order(selected(rows))
    matches = np.arange(1, len(rows) + 1, dtype=np.int32)
    expected: dict[bytes, int] = {}
    for image, count in zip(ordered["image_id"].to_pylist(), matches.tolist(), strict=True):
        expected[image] = expected.get(image, 0) + count
    assert matches_per_image(ordered, matches).tolist() == list(expected.values())


@pytest.mark.parametrize("num_partitions", [1, 2, 8, 1024])
def test_a_partition_is_a_range_of_images(num_partitions: int) -> None:
    table = selected([(image, 0) for image in range(200)])
    places = image_partition(table, num_partitions).tolist()
    firsts = [int.from_bytes(image, "big") * num_partitions >> 128 for image in table["image_id"].to_pylist()]
    assert places == firsts


def test_rows_of_a_shard_have_its_number_and_the_images_key() -> None:
    schema = pa.schema([selection_schema().field(name) for name in ("pair_id", "image_id", "rank", "shard", "key")])
    found = shard_rows(selected([(3, 1), (4, 2)]), 17, schema)
    assert found.schema.equals(schema)
    assert found["shard"].to_pylist() == [17, 17]
    assert found["key"].to_pylist() == [image.hex() for image in found["image_id"].to_pylist()]
