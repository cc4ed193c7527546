"""Exact duplicates: the row kept is the smallest, whatever the order of the rows."""

import hashlib
import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.deduplicate import (
    COPIES,
    Reduction,
    deduplicate,
    num_copies,
    partition_of,
    with_copies,
    without_null_columns,
)
from schemas.buffers import ids_from_words
from schemas.candidate import candidate_schema
from schemas.identity import seed_key

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


def caption_rank(pair: bytes, seed: int) -> int:
    key = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(pair, digest_size=8, person=b"wit.caption.1", key=key).digest(), "little")


IMAGE_ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 2)), max_size=40)


"""(image, caption, source row)"""


def image_rows(rows: list[tuple[int, int, int]]) -> pa.Table:
    base = {"url": "http://a/", "text_source": "alt", "source_file": "f", "query_ids": [1], "extra": None}
    return pa.Table.from_pylist(
        [
            {**base, "image_id": bytes([image]) * 16, "pair_id": hashlib.md5(bytes([image, caption])).digest(),
             "caption": str(caption), "source_row": row}
            for image, caption, row in rows
        ],
        schema=SCHEMA,
    )  # fmt: skip


@given(IMAGE_ROWS, st.integers(1, 4), st.integers(0, 2), st.lists(st.integers(0, 40), max_size=4))
def test_captions_per_image_equals_brute_force_however_the_rows_are_cut(
    rows: list[tuple[int, int, int]], limit: int, seed: int, cuts: list[int]
) -> None:
    reduction = Reduction(captions_per_image=limit, key=seed_key(seed))
    table = with_copies(image_rows(rows))
    bounds = sorted({0, len(table), *[min(cut, len(table)) for cut in cuts]})
    parts = [reduction.apply(table.slice(begin, end - begin)) for begin, end in pairwise(bounds)]
    found, num_rows = reduction.apply_all(parts, with_copies(SCHEMA.empty_table()))
    assert num_rows == sum(map(num_copies, parts))

    smallest: dict[tuple[int, int], int] = {}
    for image, caption, row in rows:
        smallest[image, caption] = min(row, smallest.get((image, caption), row))
    expected = []
    for image in range(4):
        pairs = {hashlib.md5(bytes([i, caption])).digest(): (i, caption) for i, caption in smallest if i == image}
        kept = sorted(pairs, key=lambda pair: (caption_rank(pair, seed), pair))[:limit]
        expected += [(pair, smallest[pairs[pair]], sum(row[:2] == pairs[pair] for row in rows)) for pair in kept]
    columns = [found[name].to_pylist() for name in ("pair_id", "source_row", COPIES)]
    assert list(zip(*columns, strict=True)) == sorted(expected)


def test_a_hot_image_and_a_hot_pair_stay_small() -> None:
    """A million captions of one image, and one pair a million times: what a worker holds does not grow with them."""
    base = image_rows([(0, 0, 0)])
    sizes: list[int] = []

    def tables(hot_pair: bool) -> Iterator[pa.Table]:
        for number in range(10):
            ids = np.zeros((20_000, 2), dtype=np.uint64)
            ids[:, 0] = 7 if hot_pair else np.arange(number * 20_000, (number + 1) * 20_000)
            table = base.take(pa.array(np.zeros(len(ids), dtype=np.int64)))
            table = with_copies(table.set_column(0, SCHEMA.field(0), ids_from_words(ids)))
            yield table

    class Noted(Reduction):
        def apply(self, table: pa.Table) -> pa.Table:
            sizes.append(len(table))
            return super().apply(table)

    empty = with_copies(SCHEMA.empty_table())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.collect.deduplicate.COMPACT_BYTES", 1 << 20)
        assert len(Noted(captions_per_image=5, key=seed_key(0)).apply_all(tables(False), empty)[0]) == 5
        hot, num_rows = Noted().apply_all(tables(True), empty)
    assert max(sizes) <= 20_005
    assert hot[COPIES].to_pylist() == [200_000] == [num_rows]


@given(ROWS, ROWS)
def test_columns_of_nulls_may_be_left_out_on_the_way(
    first: list[dict[str, object]], second: list[dict[str, object]]
) -> None:
    tables = [with_copies(pa.Table.from_pylist(rows, schema=SCHEMA)) for rows in (first, second)]
    empty = with_copies(SCHEMA.empty_table())
    bare = [without_null_columns(table) for table in tables]
    assert all("page_url" not in table.schema.names for table in bare if len(table))
    assert Reduction().apply_all(bare, empty)[0].equals(Reduction().apply(pa.concat_tables(tables)))
